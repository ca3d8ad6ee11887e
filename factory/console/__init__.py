"""What people see in a terminal. The only room that draws there."""

from factory.console.building import BuildDisplay
from factory.console.terminal import Console, Shown

__all__ = ["BuildDisplay", "Console", "Shown"]
