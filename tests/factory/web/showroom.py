"""A believable fleet in a real registry: six devices, three releases, hours of counts, one failure in the timeline."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import msgspec
import numpy as np

from factory.artifacts import Evidence, Latency
from factory.registry import Registry
from factory.registry.rows import DesiredRow, EventRow, ReleaseRow
from protocol import codec, manifest
from protocol.messages import Birth, Message, Metrics, Reason, Reported, SensorInfo, SlotReport, State, latency_bucket
from tests.support.registry import make_manifest

CLASSES = ("PEN", "ABD", "FEL", "IR", "ER", "TRAP", "ROW")
CHANNELS = ("acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z")
CARD = (
    b"<!doctype html><title>Card</title><style>h1{color:teal}</style><h1>Exercises</h1>"
    b"<script>document.title='ran'</script>"
)
HOUR_S = 3600.0


@dataclass(frozen=True)
class Showroom:
    """The registry and what was put into it."""

    registry: Registry
    now: float
    best: ReleaseRow
    large: ReleaseRow
    old: ReleaseRow


def furnish(registry: Registry, now: float) -> Showroom:
    """Fill an empty registry."""
    old = publish(registry, Plan("watch-exercises", 0.812, 41_200, 310_000), now - 60 * HOUR_S)
    wide = Plan("watch-exercises-wide", 0.941, 48_900, 1_950_000, "fp32")
    large = publish(registry, wide, now - 26 * HOUR_S)
    best = publish(registry, Plan("watch-exercises", 0.928, 14_300, 402_000), now - 25 * HOUR_S)
    room = Showroom(registry, now, best, large, old)
    for name, group in (
        ("bench-zero", "lab"),
        ("gym-north-1", "gym"),
        ("gym-north-2", "gym"),
        ("gym-south-1", "gym"),
        ("lab-pi-4", "lab"),
        ("new-pi", "lab"),
    ):
        registry.enrol(name, group, now - 70 * HOUR_S)
    _running(room, "gym-north-1", best, 0.93, 240)
    _running(room, "gym-north-2", best, 0.885, 60)
    _downloading(room)
    _refusing(room)
    _offline(room)
    _jobs(room)
    return room


@dataclass(frozen=True)
class Plan:
    """What a release is like."""

    name: str
    accuracy: float
    length: int
    macs: int
    precision: str = "int8"


def publish(registry: Registry, plan: Plan, created: float) -> ReleaseRow:
    """Put a release with evidence and a card into the registry."""
    name, macs, model = plan.name, plan.macs, f"{plan}".encode().ljust(plan.length, b"\0")
    plain = make_manifest(model, CLASSES)
    facts = msgspec.structs.replace(
        plain.model, macs=macs, parameters=macs // 30, latency_us_p50=macs / 1900, operators=("Conv", "Relu", "Gemm")
    )
    golden = msgspec.structs.replace(
        plain.golden, windows=manifest.pack(np.zeros(600)), answers=manifest.pack(np.zeros(len(CLASSES)))
    )
    body = manifest.encode(
        msgspec.structs.replace(
            plain,
            name=name,
            model=facts,
            golden=golden,
            channels=CHANNELS,
            units=("g",) * 3 + ("deg/s",) * 3,
            window=100,
            hop=25,
        )
    )
    document = b"release of " + hashlib.sha256(model).digest()
    row = ReleaseRow(
        release=registry.blobs.put(document),
        release_length=len(document),
        manifest=registry.blobs.put(body),
        manifest_length=len(body),
        model=registry.blobs.put(model),
        model_length=plan.length,
        name=name,
        task="classification",
        precision=plan.precision,
        created=created,
        evidence={"test": asdict(evidence(plan.accuracy))},
        card=registry.blobs.put(CARD),
        study="study-1",
    )
    registry.add_release(row)
    return row


def evidence(accuracy: float) -> Evidence:
    """An examination of 1,204 windows of three held-out people."""
    confusion = confuse(random.Random(3), 1204, accuracy)
    right = sum(row[i] for i, row in enumerate(confusion)) / 1204
    latency = Latency(p50_us=188.0, p95_us=240.0, p99_us=391.0)
    groups = {"subject-4": right - 0.06, "subject-7": right + 0.01, "subject-9": right + 0.04}
    return Evidence("test", 1204, right, right - 0.006, right - 0.016, right + 0.014, confusion, groups, latency)


def confuse(chance: random.Random, n: int, accuracy: float) -> tuple[tuple[int, ...], ...]:
    """A confusion matrix of `n` windows, about `accuracy` of them right; mistakes prefer a neighbouring class."""
    size = len(CLASSES)
    counts = [[0] * size for _ in CLASSES]
    for _ in range(n):
        label = chance.randrange(size)
        wrong = (label + chance.choice((1, 1, 1, 2, 3))) % size
        counts[label][label if chance.random() < accuracy else wrong] += 1
    return tuple(map(tuple, counts))


def metrics(chance: random.Random, seq: int, release: str, t1: float, accuracy: float, labelled: int = 14) -> Metrics:
    """What a device says about half a minute."""
    confusion = confuse(chance, labelled, accuracy)
    predicted = [sum(column) for column in zip(*confusion, strict=True)]
    predicted[0] += 6
    n = labelled + 6
    buckets: dict[str, int] = {}
    for _ in range(n):
        key = latency_bucket(chance.lognormvariate(5.25, 0.14))
        buckets[key] = buckets.get(key, 0) + 1
    return Metrics(
        outbox="box",
        seq=seq,
        slot="active",
        release=release,
        t0=t1 - 30,
        t1=t1,
        n=n,
        n_labelled=labelled,
        predicted=tuple(predicted),
        confusion=confusion,
        latency_us=buckets,
        busy_s=n * 2e-4,
        wall_s=10.0,
    )


def say(registry: Registry, device: str, message: Message, now: float) -> None:
    """Store a birth or a report as the fleet's inbox does."""
    plain = msgspec.json.decode(codec.encode(message))
    (registry.set_birth if isinstance(message, Birth) else registry.set_reported)(device, plain, now)


def want(registry: Registry, device: str, release: str, rev: int, now: float) -> None:
    """Ask a device for a release."""
    row = DesiredRow(rev, b"signed", "0" * 64, {"active": release}, now + 30 * 86_400, now, "ada")
    registry.set_desired(device, row)


def report(release: ReleaseRow, state: State, since: float, rev: int, running: str | None, **slot: object) -> Reported:
    """What a device says of its active slot."""
    fields = {"release": release.release, "state": state, "since": since, **slot}
    return Reported(
        ts=since,
        rev_seen=rev,
        rev_applied=rev if state is State.ACTIVE else rev - 1,
        running=running,
        slots={"active": msgspec.convert(fields, SlotReport)},
        first_prediction_ts=since + 1.2 if running else None,
    )


def born(registry: Registry, device: str, now: float) -> None:
    """A device comes online."""
    registry.set_status(device, True, "epoch-1", now)
    birth = Birth(
        epoch="epoch-1",
        ts=now,
        agent="0.1.0",
        onnxruntime="1.20.1",
        max_opset=21,
        max_ir=10,
        arch="aarch64",
        python="3.11.2",
        ram_mb=906,
        disk_free_mb=11_204,
        max_model_bytes=4_000_000,
        root_version=1,
        sensor=SensorInfo(kind="iio", channels=CHANNELS, rate_hz=50.0),
    )
    say(registry, device, birth, now)


def steps(
    registry: Registry, device: str, release: str, rev: int, told: Sequence[tuple[float, State]], **last: object
) -> None:
    """A timeline; `last` is added to its last step."""
    for number, (ts, state) in enumerate(told):
        extra = last if number == len(told) - 1 else {}
        fields = {
            "id": 0,
            "key": f"box/{rev}-{number}",
            "ts": ts,
            "state": str(state),
            "slot": "active",
            "release": release,
        }
        registry.add_event(device, EventRow(**{**fields, "rev": rev, **extra}))  # type: ignore[arg-type]  # built by name


def _running(room: Showroom, device: str, release: ReleaseRow, accuracy: float, minutes: int) -> None:
    registry, now, chance = room.registry, room.now, random.Random(device)
    since = now - minutes * 60
    born(registry, device, since - 60)
    want(registry, device, room.old.release, 1, since - 9000)
    want(registry, device, release.release, 2, since - 6)
    walk = (State.ACCEPTED, State.DOWNLOADING, State.VERIFIED, State.STAGED, State.ACTIVE)
    steps(registry, device, room.old.release, 1, [(since - 9000 + i, state) for i, state in enumerate(walk)])
    steps(registry, device, release.release, 2, [(since - 5 + i, state) for i, state in enumerate(walk)])
    say(registry, device, report(release, State.ACTIVE, since, 2, release.release), since)
    count = minutes // 2
    for seq in range(count):
        drift = accuracy - (0.05 if 0.55 < seq / count < 0.7 else 0.0)
        t1 = since + 60 + seq * (minutes * 60 - 63) / count
        registry.add_metrics(device, metrics(chance, seq, release.release, t1, drift), now - 3)


def _downloading(room: Showroom) -> None:
    registry, now, device = room.registry, room.now, "gym-south-1"
    born(registry, device, now - 900)
    want(registry, device, room.best.release, 4, now - 20)
    steps(registry, device, room.best.release, 4, [(now - 19, State.ACCEPTED), (now - 18, State.DOWNLOADING)])
    said = report(room.best, State.DOWNLOADING, now - 18, 4, room.old.release, progress=0.62)
    say(registry, device, said, now - 2)
    chance = random.Random(5)
    for seq in range(12):
        registry.add_metrics(device, metrics(chance, seq, room.old.release, now - 900 + 60 * seq, 0.8, 5), now - 5)


def _refusing(room: Showroom) -> None:
    registry, now, device = room.registry, room.now, "bench-zero"
    born(registry, device, now - 7200)
    want(registry, device, room.large.release, 3, now - 3000)
    walk = (State.ACCEPTED, State.DOWNLOADING, State.VERIFIED, State.REJECTED)
    told = [(now - 2998 + i, state) for i, state in enumerate(walk)]
    text = "1.95 M MACs took 212 ms, the limit is 100 ms"
    steps(registry, device, room.large.release, 3, told, reason=str(Reason.TOO_SLOW), text=text)
    said = report(room.large, State.REJECTED, now - 2990, 3, None, reason=Reason.TOO_SLOW, text=text)
    say(registry, device, said, now - 40)


def _offline(room: Showroom) -> None:
    registry, now, device = room.registry, room.now, "lab-pi-4"
    born(registry, device, now - 30 * HOUR_S)
    want(registry, device, room.old.release, 1, now - 29 * HOUR_S)
    said = report(room.old, State.ACTIVE, now - 28.9 * HOUR_S, 1, room.old.release)
    say(registry, device, said, now - 22 * HOUR_S)
    chance = random.Random(9)
    for seq in range(30):
        registry.add_metrics(
            device, metrics(chance, seq, room.old.release, now - 28 * HOUR_S + 600 * seq, 0.79), now - 22 * HOUR_S
        )
    registry.set_status(device, False, "epoch-1", now - 22 * HOUR_S)
    want(registry, device, room.best.release, 2, now - 2 * HOUR_S)


def _jobs(room: Showroom) -> None:
    registry, now, best = room.registry, room.now, room.best.release
    first = registry.submit(
        "push", {"release": room.large.release, "to": "bench-zero", "slot": "active"}, "ada", now - 3000
    )
    registry.claim("worker", now - 3000, 30)
    registry.fail(first.id, "bench-zero: too_slow: 1.95 M MACs took 212 ms, the limit is 100 ms", now - 2990)
    second = registry.submit("push", {"release": best, "to": "gym-north-1", "slot": "active"}, "ada", now - 4 * HOUR_S)
    registry.claim("worker", now - 4 * HOUR_S, 30)
    registry.finish(second.id, {}, now - 4 * HOUR_S + 6)
    registry.submit("push", {"release": best, "to": "gym-south-1", "slot": "active"}, "grace", now - 20)
    registry.claim("worker", now - 20, 30)
