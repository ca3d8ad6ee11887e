from factory.web import words
from protocol.messages import Reason, State


def test_every_reason_and_state_of_the_protocol_is_explained() -> None:
    assert set(words.REASONS) == set(Reason)
    assert set(words.STATES) == set(State)


def test_explanations_end_without_a_full_stop_for_the_page_sets_it() -> None:
    for meaning in words.REASONS.values():
        assert not meaning.what.endswith(".")
        assert not meaning.cure.endswith(".")
        assert meaning.cure.count("`") % 2 == 0


def test_what_a_newer_device_says_is_shown_as_it_came() -> None:
    assert words.state_words("hibernating") == "hibernating"
    assert words.meaning("sunspots") is None
    assert words.meaning(None) is None


def test_tones() -> None:
    assert [words.tone(state) for state in ("active", "rejected", "staged", "hibernating")] == [
        "good",
        "bad",
        "busy",
        "busy",
    ]
