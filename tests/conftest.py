"""Fixtures that several folders share."""

from tests.support.house import house

__all__ = ["house"]
