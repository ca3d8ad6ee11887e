"""Tests that need a program which not every machine has: skipped with a reason, or failed where it must be there."""

import os

import pytest

REQUIRED = "CYGNET_REQUIRE"  # environment variable: comma-separated names that may not be skipped


def require(name: str, available: bool, reason: str) -> None:
    """Let a test go on where `name` is at hand; skip it where it is not, or fail it where `CYGNET_REQUIRE` names it."""
    if available:
        return
    if name in {entry.strip() for entry in os.environ.get(REQUIRED, "").split(",")}:
        pytest.fail(f"{name} is required by {REQUIRED}, but {reason}", pytrace=False)
    pytest.skip(f"{name}: {reason}")
