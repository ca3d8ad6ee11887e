"""Fixtures that several folders share."""

from tests.support.house import house
from tests.support.workshop import home, workshop

__all__ = ["home", "house", "workshop"]
