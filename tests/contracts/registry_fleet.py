"""What every registry promises about devices: what they are told, what they tell, and labels on their way to them."""

import pytest

from factory.errors import BadInput
from factory.registry import Registry
from tests.contracts.registry import make_desired, make_event, make_label, make_metrics
from tests.support.registry import add_release


class DevicesContract:
    def test_a_device_starts_with_nothing_but_its_name(self, registry: Registry) -> None:
        row = registry.enrol("pi-1", "kitchen", now=3.0)
        assert (row.name, row.group, row.enrolled, row.online, row.epoch) == ("pi-1", "kitchen", 3.0, False, "")
        assert (row.last_seen, row.birth, row.reported, row.desired) == (None, None, None, None)

    def test_enrolling_again_moves_a_device_and_keeps_the_rest(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=3.0)
        registry.set_birth("pi-1", {"agent": "1.0"}, now=4.0)
        row = registry.enrol("pi-1", "hall", now=9.0)
        assert (row.group, row.enrolled, row.birth) == ("hall", 3.0, {"agent": "1.0"})
        assert registry.devices() == [row]

    @pytest.mark.parametrize(
        ("device", "group"), [("Pi 1", "kitchen"), ("pi/1", "kitchen"), ("", "kitchen"), ("pi-1", "+"), ("pi\0", "a")]
    )
    def test_names_that_could_not_be_part_of_a_topic_are_refused(
        self, registry: Registry, device: str, group: str
    ) -> None:
        with pytest.raises(BadInput, match="cannot be a name"):
            registry.enrol(device, group, now=1.0)
        assert registry.devices() == []

    def test_a_push_goes_to_a_device_or_to_a_group(self, registry: Registry) -> None:
        for device, group in (("c", "kitchen"), ("a", "kitchen"), ("b", "hall"), ("hall", "kitchen")):
            registry.enrol(device, group, now=1.0)
        assert [row.name for row in registry.targets("kitchen")] == ["a", "c", "hall"]
        assert [row.name for row in registry.targets("b")] == ["b"]
        assert [row.name for row in registry.targets("hall")] == ["hall"], "a device comes before a group of its name"

    @pytest.mark.parametrize("name", ["kitchem", "kitchen\0"])
    def test_an_unknown_name_is_answered_with_the_nearest(self, registry: Registry, name: str) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        with pytest.raises(BadInput, match=r"is unknown\. Did you mean kitchen"):
            registry.targets(name)
        with pytest.raises(BadInput, match="is unknown"):
            registry.device(name)

    def test_a_late_will_of_an_old_session_is_ignored(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        registry.set_status("pi-1", True, "first", now=2.0)
        registry.set_status("pi-1", True, "second", now=3.0)
        registry.set_status("pi-1", False, "first", now=4.0)
        assert registry.device("pi-1").online
        registry.set_status("pi-1", False, "second", now=5.0)
        row = registry.device("pi-1")
        assert (row.online, row.epoch, row.last_seen) == (False, "second", 3.0)

    def test_what_a_device_says_of_itself_comes_back_as_it_was(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        birth = {"agent": "1.0", "sensor": {"channels": ["x", "\0 and ü"]}, "future": [None, 1.5, True]}
        registry.set_birth("pi-1", birth, now=2.0)
        registry.set_reported("pi-1", {"rev_applied": 2**53}, now=3.0)
        row = registry.device("pi-1")
        assert (row.birth, row.reported, row.last_seen) == (birth, {"rev_applied": 2**53}, 3.0)

    def test_what_is_wanted_of_a_device_only_moves_forward(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        registry.set_desired("pi-1", make_desired(2))
        for stale in (1, 2):
            with pytest.raises(ValueError, match="not above the stored one"):
                registry.set_desired("pi-1", make_desired(stale))
        assert registry.device("pi-1").desired == make_desired(2)
        registry.set_desired("pi-1", make_desired(3))
        assert registry.device("pi-1").desired == make_desired(3)

    def test_whatever_is_said_of_an_unknown_device_is_refused(self, registry: Registry) -> None:
        release = add_release(registry).release
        for refused in (
            lambda: registry.set_status("ghost", True, "e", 1.0),
            lambda: registry.set_birth("ghost", {}, 1.0),
            lambda: registry.set_reported("ghost", {}, 1.0),
            lambda: registry.set_desired("ghost", make_desired(1)),
            lambda: registry.add_event("ghost", make_event("1")),
            lambda: registry.add_metrics("ghost", make_metrics(release), 1.0),
            lambda: registry.queue_labels("ghost", [make_label("1")], 1.0),
        ):
            with pytest.raises(BadInput, match="'ghost' is unknown"):
                refused()


class EventsContract:
    def test_an_event_told_twice_is_one(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        registry.enrol("pi-2", "kitchen", now=1.0)
        assert registry.add_event("pi-1", make_event("box:1", "first"))
        assert not registry.add_event("pi-1", make_event("box:1", "again"))
        assert registry.add_event("pi-2", make_event("box:1", "of another device"))
        assert [event.text for event in registry.events("pi-1")] == ["first"]

    def test_events_come_newest_first_of_one_device_or_all_and_after_an_id(self, registry: Registry) -> None:
        for device in ("pi-1", "pi-2"):
            registry.enrol(device, "kitchen", now=1.0)
        for number in range(6):
            registry.add_event(f"pi-{number % 2 + 1}", make_event(str(number)))
        everything = registry.events()
        assert [event.key for event in everything] == ["5", "4", "3", "2", "1", "0"]
        assert [event.device for event in everything[:2]] == ["pi-2", "pi-1"]
        assert [event.key for event in registry.events("pi-1", limit=2)] == ["4", "2"]
        assert [event.key for event in registry.events(after=everything[2].id)] == ["5", "4"]

    def test_text_that_no_database_can_hold_is_refused(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        with pytest.raises(BadInput, match=r"event\.text"):
            registry.add_event("pi-1", make_event("1", "a\0b"))
        with pytest.raises(BadInput, match=r"status\.epoch"):
            registry.set_status("pi-1", True, "a\0b", now=2.0)
        assert registry.events() == []


class LabelsContract:
    def test_labels_wait_until_the_device_has_confirmed_them(self, registry: Registry) -> None:
        for device in ("pi-1", "pi-2"):
            registry.enrol(device, "kitchen", now=1.0)
        registry.queue_labels("pi-1", [make_label(name) for name in ("c", "a", "b")], now=2.0)
        registry.queue_labels("pi-1", [make_label("a")], now=3.0)
        assert registry.pending_labels("pi-1") == [make_label(name) for name in ("c", "a", "b")]
        assert registry.pending_labels("pi-1", limit=1) == [make_label("c")]
        registry.confirm_labels("pi-2", ["c", "a", "b"])
        registry.confirm_labels("pi-1", ["c", "b", "unknown"])
        assert registry.pending_labels("pi-1") == [make_label("a")]
        registry.queue_labels("pi-1", [make_label("c")], now=4.0)
        assert registry.pending_labels("pi-1") == [make_label("a")], "what was confirmed is not sent again"

    def test_a_batch_with_a_label_that_cannot_be_stored_is_refused_whole(self, registry: Registry) -> None:
        registry.enrol("pi-1", "kitchen", now=1.0)
        with pytest.raises(BadInput, match="label_id"):
            registry.queue_labels("pi-1", [make_label("good"), make_label("a\0b")], now=2.0)
        assert registry.pending_labels("pi-1") == []
