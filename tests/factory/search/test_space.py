import json
import random

import pytest

from factory.artifacts import Architecture, Task
from factory.errors import BadInput
from factory.search.cost import predict
from factory.search.space import AIM, Space, decode, encode, triples_of
from tests.support.models import drawn, spaces


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_encode_and_decode_are_inverse_through_json(space: Space) -> None:
    for seed in range(30):
        architecture = drawn(space, seed)
        assert decode(json.loads(json.dumps(encode(architecture)))) == architecture


BAD = {
    "an even kernel": ("blocks", [{"width": 8, "kernel": 4}]),
    "a width of zero": ("blocks", [{"width": 0, "kernel": 3}]),
    "no block at all": ("blocks", []),
    "even smoothing": ("front", {"smoothing": 4}),
    "all features dropped": ("head", {"dropout": 1.0}),
    "text where a number belongs": ("time", "long"),
    "a triple beyond the channels": ("triples", [[0, 1, 99]]),
    "a single class": ("classes", 1),
}


@pytest.mark.parametrize(("field", "value"), BAD.values(), ids=BAD.keys())
def test_decode_refuses(field: str, value: object) -> None:
    encoded = encode(spaces()[2].floor())
    encoded[field] = value
    with pytest.raises(BadInput, match="architecture"):
        decode(encoded)


def test_decode_refuses_what_lacks_a_field() -> None:
    with pytest.raises(BadInput, match="time"):
        decode({})


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_shrinking_ends_at_the_floor_and_never_costs_more(space: Space) -> None:
    for seed in range(20):
        architecture = drawn(space, seed)
        for _ in range(100):
            smaller = space.shrink(architecture)
            assert cost(smaller) <= cost(architecture)
            architecture = smaller
        assert architecture == space.floor()


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_nothing_is_cheaper_than_the_floor(space: Space) -> None:
    floor = predict(space.floor())
    for seed in range(100):
        costs = predict(drawn(space, seed))
        assert min(c.macs for c in costs.values()) >= min(c.macs for c in floor.values())
        assert min(c.file_bytes for c in costs.values()) >= min(c.file_bytes for c in floor.values())


@pytest.mark.parametrize("time", [8, 30, 128, 500, 2000, 16000])
def test_strides_bring_any_window_near_the_aim(time: int) -> None:
    space = Space(time, 3, 2, ())
    for depth in (2, 3, 4):
        left = time
        for stride in space.strides(depth):
            left = -(-left // stride)
        assert AIM / 2 <= left <= 2 * AIM or time < AIM or (time > 8**depth and space.strides(depth) == (8,) * depth)


def test_mutations_reach_every_part_of_an_architecture() -> None:
    space, rng = spaces()[2], random.Random(0)
    start = space.sample(rng)
    changed = [space.mutate(start, rng) for _ in range(300)]
    assert any(c.front != start.front for c in changed)
    assert any(c.head != start.head for c in changed)
    assert any(len(c.blocks) != len(start.blocks) for c in changed)
    assert any(len(c.blocks) == len(start.blocks) and c.blocks != start.blocks for c in changed)


TRIPLES = {
    "a letter at the end": (("ax", "ay", "az", "wx", "wy", "wz"), ((0, 1, 2), (3, 4, 5))),
    "a word before it": (("acc_x", "acc_y", "acc_z"), ((0, 1, 2),)),
    "a letter in the middle, any order": (("body_Z_mean", "body_X_mean", "body_Y_mean"), ((1, 2, 0),)),
    "two axes only": (("ax", "ay"), ()),
    "words that hold an x": (("flux", "max", "y"), ()),
    "the same name twice": (("ax", "ax", "ay", "az"), ()),
}


@pytest.mark.parametrize(("channels", "triples"), TRIPLES.values(), ids=TRIPLES.keys())
def test_triples_are_found_by_name(channels: tuple[str, ...], triples: tuple[tuple[int, int, int], ...]) -> None:
    assert triples_of(channels) == triples


def test_a_space_of_a_task() -> None:
    task = Task("t", "classification", ("a", "b"), ("ax", "ay", "az"), ("g",) * 3, 50.0, 100, 50)
    assert Space.of(task) == Space(100, 3, 2, ((0, 1, 2),))


def cost(architecture: Architecture) -> tuple[int, int]:
    """The least bytes, and the MACs."""
    footprints = predict(architecture)
    return min(f.file_bytes for f in footprints.values()), footprints["fp32"].macs
