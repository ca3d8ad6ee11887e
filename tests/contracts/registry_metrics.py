"""What every registry promises about counts: each message is added up once, and nothing that does not add up."""

from collections.abc import Mapping
from itertools import count
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from factory.errors import BadInput
from factory.registry import Registry
from factory.registry.rows import PointRow
from protocol.messages import Metrics
from tests.contracts.registry import make_metrics
from tests.support.registry import add_release

_names = (f"pi-{number}" for number in count())
_messages = st.builds(make_metrics, st.just(""), st.integers(1, 6), st.integers(0, 9), st.integers(0, 9))


class MetricsContract:
    def test_messages_add_up(self, registry: Registry) -> None:
        release = add_release(registry).release
        registry.enrol("pi-1", "kitchen", now=1.0)
        assert registry.totals("pi-1") == []
        assert registry.add_metrics("pi-1", make_metrics(release, seq=1, right=2, wrong=1), now=8.0)
        assert registry.add_metrics("pi-1", make_metrics(release, seq=2, right=4, wrong=0), now=9.0)
        (totals,) = registry.totals("pi-1")
        assert (totals.slot, totals.release, totals.n, totals.n_labelled) == ("active", release, 9, 7)
        assert totals.confusion == ((0, 0, 0), (1, 6, 0), (0, 0, 0))
        assert (totals.predicted, totals.latency_us) == ((1, 8, 0), {"40": 9})
        assert (totals.busy_s, totals.wall_s, totals.t0, totals.t1) == (0.2, 2.0, 1.0, 3.0)
        assert (totals.n_correct, totals.accuracy) == (6, 6 / 7)
        assert registry.device("pi-1").last_seen == 9.0

    def test_a_message_with_nothing_to_count_may_leave_the_classes_out(self, registry: Registry) -> None:
        release = add_release(registry).release
        registry.enrol("pi-1", "kitchen", now=1.0)
        idle = msgspec.structs.replace(
            make_metrics(release, seq=1), n=0, n_labelled=0, predicted=(), confusion=(), latency_us={}
        )
        registry.add_metrics("pi-1", idle, now=8.0)
        (totals,) = registry.totals("pi-1")
        assert (totals.predicted, totals.confusion, totals.accuracy) == ((0, 0, 0), ((0, 0, 0),) * 3, None)
        registry.add_metrics("pi-1", make_metrics(release, seq=2), now=9.0)
        assert registry.totals("pi-1")[0].n_correct == 2

    def test_slots_and_releases_are_counted_apart(self, registry: Registry) -> None:
        old, new = add_release(registry, b"old").release, add_release(registry, b"new").release
        registry.enrol("pi-1", "kitchen", now=1.0)
        shadow = msgspec.structs.replace(make_metrics(new, seq=3), slot="shadow")
        for message in (make_metrics(old, seq=1), make_metrics(new, seq=2), shadow):
            registry.add_metrics("pi-1", message, now=8.0)
        assert [row.release for row in registry.totals("pi-1")] == [new, old], "the latest first"
        assert [row.release for row in registry.totals("pi-1", old)] == [old]
        assert [(row.slot, row.release) for row in registry.totals("pi-1", slot="shadow")] == [("shadow", new)]

    def test_the_series_holds_the_last_messages_oldest_first(self, registry: Registry) -> None:
        release = add_release(registry).release
        registry.enrol("pi-1", "kitchen", now=1.0)
        for seq in (3, 1, 2):
            registry.add_metrics("pi-1", make_metrics(release, seq, right=seq, wrong=0), now=8.0)
        assert registry.series("pi-1", release, limit=2) == [PointRow(3.0, 3, 2, 2), PointRow(4.0, 4, 3, 3)]

    @hypothesis.settings(max_examples=20, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    @hypothesis.given(data=st.data())
    def test_totals_are_exact_whatever_is_repeated_and_in_whatever_order(
        self, registry: Registry, data: st.DataObject
    ) -> None:
        release = add_release(registry).release
        sent = data.draw(st.lists(_messages, min_size=1, max_size=6, unique_by=lambda message: message.seq))
        sent = [msgspec.structs.replace(message, release=release, busy_s=0.1 * message.seq) for message in sent]
        arriving = data.draw(st.permutations(sent + data.draw(st.lists(st.sampled_from(sent), max_size=6))))
        in_order, as_it_came = next(_names), next(_names)
        for device, messages in ((in_order, sent), (as_it_came, arriving)):
            registry.enrol(device, "kitchen", now=1.0)
            added = [registry.add_metrics(device, message, now=2.0) for message in messages]
            assert sum(added) == len(sent)
        (totals,) = registry.totals(as_it_came)
        assert [totals] == registry.totals(in_order)
        assert (totals.n, totals.n_labelled) == (sum(m.n for m in sent), sum(m.n_labelled for m in sent))
        assert sorted(registry.series(as_it_came, release), key=lambda p: p.t) == registry.series(in_order, release)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            pytest.param(
                {"predicted": (4, 0), "confusion": ((3, 0), (0, 0))},
                "2 classes where the release has 3",
                id="a class too few",
            ),
            pytest.param(
                {"predicted": (4, 0, 0, 0), "confusion": ()}, "4 classes where the release has 3", id="a class too many"
            ),
            pytest.param(
                {"predicted": (), "confusion": ()}, "predicted: it counts no windows", id="windows of no class"
            ),
            pytest.param({"confusion": ()}, "confusion: it counts no windows", id="labels of no class"),
            pytest.param({"latency_us": {"40": 5}}, "latency_us: it counts 5", id="more latencies than windows"),
            pytest.param({"latency_us": {"240": 1}}, "must be below 240", id="a latency of eleven days"),
            pytest.param({"wall_s": 9e10}, "wall_us: the total would be over", id="a duration of three millennia"),
            pytest.param({"release": "0" * 64}, "is unknown", id="a release nobody has published"),
            pytest.param({"outbox": "a\0b"}, "NUL", id="an outbox that cannot be stored"),
        ],
    )
    def test_counts_are_refused_whole_that_have(self, registry: Registry, change: Mapping[str, Any], why: str) -> None:
        release = add_release(registry).release
        registry.enrol("pi-1", "kitchen", now=1.0)
        good = make_metrics(release)
        with pytest.raises(BadInput, match=why):
            registry.add_metrics("pi-1", msgspec.structs.replace(good, **change), now=2.0)
        assert (registry.totals("pi-1"), registry.series("pi-1", release)) == ([], [])
        assert registry.add_metrics("pi-1", good, now=3.0), "its number in the outbox is still free"

    def test_totals_that_would_leave_their_range_are_refused(self, registry: Registry) -> None:
        release = add_release(registry).release
        registry.enrol("pi-1", "kitchen", now=1.0)
        assert registry.add_metrics("pi-1", _huge(release, 1), now=2.0)
        with pytest.raises(BadInput, match="the total would be over"):
            registry.add_metrics("pi-1", _huge(release, 2), now=2.0)
        assert [row.n for row in registry.totals("pi-1")] == [2**53]
        assert len(registry.series("pi-1", release)) == 1

    def test_a_release_whose_manifest_is_lost_is_not_counted(self, registry: Registry) -> None:
        row = add_release(registry)
        registry.enrol("pi-1", "kitchen", now=1.0)
        registry.blobs.path(row.manifest).unlink()
        with pytest.raises(BadInput, match="is not among the blobs"):
            registry.add_metrics("pi-1", make_metrics(row.release), now=2.0)


def _huge(release: str, seq: int) -> Metrics:
    most, none = 2**53, (0, 0, 0)
    return msgspec.structs.replace(
        make_metrics(release, seq),
        n=most,
        n_labelled=0,
        predicted=(most, 0, 0),
        confusion=(none, none, none),
        latency_us={},
    )
