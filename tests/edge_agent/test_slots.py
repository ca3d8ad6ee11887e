"""What the slots hold is on disk whole, and comes back as it was."""

from pathlib import Path

import pytest

from edge_agent.errors import BadConfig
from edge_agent.lifecycle import Outcome, SlotsState
from edge_agent.slots import SlotStore
from protocol.messages import Reason, State
from protocol.trust import FileRef, ReleaseFiles

FILES = ReleaseFiles(FileRef("1" * 64, 1), FileRef("2" * 64, 2), FileRef("3" * 64, 3))
STATE = SlotsState(
    rev_seen=3,
    document_sha256="4" * 64,
    expires=5.0,
    wanted={"active": FILES.release},
    held={"active": FILES, "shadow": FILES},
    previous=FILES,
    outcomes={"active": Outcome(3, "1" * 64, State.REJECTED, 6.0, Reason.TOO_SLOW, "slow")},
    quarantine=("5" * 64,),
    first_prediction_ts=7.0,
)


def test_what_was_saved_comes_back(tmp_path: Path) -> None:
    SlotStore(tmp_path / "slots.json").save(STATE)
    assert SlotStore(tmp_path / "slots.json").state == STATE


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    assert SlotStore(tmp_path / "slots.json").state == SlotsState()


def test_a_half_written_draft_is_not_taken_for_the_state(tmp_path: Path) -> None:
    SlotStore(tmp_path / "slots.json").save(STATE)
    (tmp_path / "slots.json.draft").write_text('{"rev_seen": 9')
    assert SlotStore(tmp_path / "slots.json").state == STATE


@pytest.mark.parametrize("text", ["", "{", '{"rev_seen": "x"}', "[]"], ids=repr)
def test_a_file_that_is_not_usable_is_named_with_its_cure(tmp_path: Path, text: str) -> None:
    (tmp_path / "slots.json").write_text(text)
    with pytest.raises(BadConfig, match=r"slots\.json: cannot be read.*Move it away"):
        SlotStore(tmp_path / "slots.json")
