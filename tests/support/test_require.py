"""What a machine lacks is skipped with a reason, and never silently where it must be there."""

import pytest

from tests.support.require import REQUIRED, require


def test_what_is_at_hand_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REQUIRED, "postgresql")
    require("postgresql", True, "never read")


@pytest.mark.parametrize("required", ["", "mosquitto,chromium", "postgresql-client"])
def test_what_is_missing_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(pytest.skip.Exception, match="postgresql: not installed"):
        require("postgresql", False, "not installed")


@pytest.mark.parametrize("required", ["postgresql", "mosquitto, postgresql"])
def test_what_is_missing_but_required_fails(monkeypatch: pytest.MonkeyPatch, required: str) -> None:
    monkeypatch.setenv(REQUIRED, required)
    with pytest.raises(pytest.fail.Exception, match=f"postgresql is required by {REQUIRED}, but not installed"):
        require("postgresql", False, "not installed")
