import json
import random
from collections import defaultdict
from dataclasses import replace

import pytest

from factory.architectures import Architecture, Autoencoder, Convnet, Density, FrontEnd, Kernels, Spectrum, Trees
from factory.artifacts import Budget, Task
from factory.errors import BadInput
from factory.search.cost import affordable, predict
from factory.search.space import FAMILIES, Decision, Space, at_random, decode, encode, family_of, triples_of
from factory.search.space import front as fronts
from factory.search.space.choices import Recorder, replay
from factory.search.space.convnet import AIM, NARROW, strides
from tests.support.models import points, spaces


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_encode_and_decode_are_inverse_through_json(space: Space, family: str) -> None:
    for seed in range(20):
        architecture = points(space, family, seed)
        assert decode(json.loads(json.dumps(encode(architecture)))) == architecture


DESIGNS = {
    "kernels": Kernels(30, 3, 2, ((0, 1, 2),), FrontEnd(differences=True), 84, 4, segments=2, stride=2),
    "trees": Trees(30, 3, 2, (), FrontEnd(magnitudes=True), 5, 8, 2, 4),
    "a convolutional network on a spectrum": points(replace(spaces()[2], families=("convnet",)), "convnet", 1),
    "density": Density(30, 3, 2, (), FrontEnd(spectrum=Spectrum(16, 8, 4, mel=True)), spread=False),
    "autoencoder": Autoencoder(30, 3, 2, (), FrontEnd(), (8, 4), 3),
}


@pytest.mark.parametrize("architecture", DESIGNS.values(), ids=DESIGNS.keys())
def test_any_family_can_be_written_down(architecture: Architecture) -> None:
    assert decode(json.loads(json.dumps(encode(architecture)))) == architecture


BAD = {
    "an even kernel": ("blocks", [{"width": 8, "kernel": 4}]),
    "a width of zero": ("blocks", [{"width": 0, "kernel": 3}]),
    "a field of a block that is unknown": ("blocks", [{"width": 8, "kernel": 3, "colour": 1}]),
    "no block at all": ("blocks", []),
    "even smoothing": ("front", {"smoothing": 4}),
    "a frame that is longer than the window": ("front", {"spectrum": {"frame": 256, "hop": 128, "bands": 8}}),
    "all features dropped": ("head", {"dropout": 1.0}),
    "text where a number belongs": ("time", "long"),
    "a triple beyond the channels": ("triples", [[0, 1, 99]]),
    "a single class": ("classes", 1),
    "an unknown field": ("colour", "blue"),
    "an unknown family": ("family", "forest"),
    "a family that is no text": ("family", ["convnet"]),
    "a family with other fields": ("family", "trees"),
}


@pytest.mark.parametrize(("field", "value"), BAD.values(), ids=BAD.keys())
def test_decode_refuses(field: str, value: object) -> None:
    encoded = encode(spaces()[2].floor("convnet"))
    encoded[field] = value
    with pytest.raises(BadInput, match="architecture"):
        decode(encoded)


def test_decode_refuses_what_lacks_a_field() -> None:
    with pytest.raises(BadInput, match="time"):
        decode({"family": "convnet"})


def test_decode_names_the_unknown_field() -> None:
    encoded = encode(spaces()[2].floor("convnet"))
    encoded["front"]["colour"] = 1
    with pytest.raises(BadInput, match=r"unknown field front\.colour"):
        decode(encoded)


@pytest.mark.parametrize("faster", [False, True], ids=["smaller", "faster"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_shrinking_ends_at_the_floor_and_never_costs_more(space: Space, family: str, *, faster: bool) -> None:
    """But for a node now and then: equally wide blocks have a residual, separable ones a convolution more."""
    for seed in range(10):
        architecture = points(space, family, seed)
        for _ in range(100):
            smaller = space.shrink(architecture, faster=faster)
            before, after = cost(architecture), cost(smaller)
            assert after[0] <= 1.05 * before[0] + 1000
            assert after[1] <= 1.1 * before[1] + 50
            architecture = smaller
        assert architecture == space.floor(family)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("space", spaces(), ids=str)
def test_nothing_is_cheaper_than_the_floor(space: Space, family: str) -> None:
    floor = cost(space.floor(family))
    for seed in range(50):
        assert all(a >= b for a, b in zip(cost(points(space, family, seed)), floor, strict=True))


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_the_decisions_of_a_draw_lead_to_it_again(space: Space) -> None:
    for seed in range(30):
        architecture = space.sample(at_random(random.Random(seed)))
        values = {each.name: each.value for each in space.decisions(architecture)}
        assert space.sample(replay(values, at_random(random.Random(seed + 1)))) == architecture


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_a_name_has_the_same_options_wherever_it_comes_up(space: Space) -> None:
    options = defaultdict[str, set[tuple[object, ...]]](set)
    for seed in range(60):
        for decision in decisions(space, seed):
            options[decision.name].add(decision.options)
            assert len(set(decision.options)) == len(decision.options)
            assert all(isinstance(option, str | int | float) for option in decision.options)
    assert all(len(each) == 1 for each in options.values())


BUDGETS = {
    "no limit": Budget(),
    "small": Budget(max_kb=20, max_macs=100_000),
    "fast": Budget(max_macs=20_000),
    "tiny": Budget(max_kb=4, max_macs=20_000),
}


@pytest.mark.parametrize("budget", BUDGETS.values(), ids=BUDGETS.keys())
@pytest.mark.parametrize("space", spaces()[:4], ids=str)
def test_every_point_is_within_the_budget(space: Space, budget: Budget) -> None:
    tight, rng = replace(space, budget=budget), random.Random(0)
    for _ in range(30):
        architecture = tight.sample(at_random(rng))
        assert affordable(architecture, budget)
        assert affordable(tight.mutate(architecture, rng), budget)
    assert all(affordable(default, budget) for default in tight.defaults())


def test_a_front_end_that_leaves_too_little_for_the_rest_is_made_cheaper_first() -> None:
    space = replace(spaces()[5], budget=Budget(max_macs=150_000), families=("convnet",))
    dear = replace(space.defaults()[0], front=FrontEnd(spectrum=Spectrum(256, 64, 32)))
    assert not affordable(dear, space.budget)
    fitting = space.fit(dear)
    assert affordable(fitting, space.budget)
    assert isinstance(fitting, Convnet)
    assert max(block.width for block in fitting.blocks) >= NARROW


def test_a_family_that_nothing_of_is_affordable_is_not_offered() -> None:
    space = spaces()[2]
    assert space.open_families == space.families
    least = min(cost(space.floor(family))[0] for family in space.families)
    only = [family for family in space.families if cost(space.floor(family))[0] == least]
    assert replace(space, budget=Budget(max_kb=least / 1000)).open_families == tuple(only)


@pytest.mark.parametrize("space", spaces(), ids=str)
def test_defaults_are_different_from_one_another_and_show_every_family_soon(space: Space) -> None:
    defaults = space.defaults()
    assert len(set(defaults)) == len(defaults) >= 2 * len(space.families)
    assert {family_of(default) for default in defaults[:6]} == set(space.families)


def test_a_spectrum_is_offered_only_to_long_windows() -> None:
    assert [bool(fronts.frames(space)) for space in spaces()] == [False, False, True, True, True, True]
    long = Space(16000, 1, 2, (), rate_hz=8000.0)
    assert all(8 <= 2 * long.time / frame <= 128 for frame in fronts.frames(long))
    hearing = [each for seed in range(60) for each in decisions(long, seed) if each.name == "front.mel"]
    assert hearing
    slow = replace(long, rate_hz=50.0)
    assert not any(each.name == "front.mel" for seed in range(60) for each in decisions(slow, seed))


def test_a_change_seldom_is_one_of_family() -> None:
    space, rng = spaces()[2], random.Random(0)
    start = points(space, space.families[0], 0)
    moved = sum(family_of(space.mutate(start, rng)) != family_of(start) for _ in range(400))
    assert moved < 40
    assert (moved > 0) == (len(space.families) > 1)


@pytest.mark.parametrize("length", [8, 30, 128, 500, 2000, 16000])
def test_strides_bring_any_length_near_the_aim(length: int) -> None:
    for depth in (2, 3, 4):
        left, wanted = length, strides(length, depth)
        for stride in wanted:
            left = -(-left // stride)
        assert AIM / 2 <= left <= 2 * AIM or length < AIM or (length > 8**depth and wanted == (8,) * depth)


def test_mutations_reach_every_part_of_a_network() -> None:
    space, rng = replace(spaces()[2], families=("convnet",)), random.Random(0)
    start = points(space, "convnet", 0)
    changed = [each for each in (space.mutate(start, rng) for _ in range(300)) if isinstance(each, Convnet)]
    assert isinstance(start, Convnet)
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
    task, budget = Task("t", "classification", ("a", "b"), ("ax", "ay", "az"), ("g",) * 3, 50.0, 100, 50), Budget(12)
    assert Space.of(task, budget) == Space(100, 3, 2, ((0, 1, 2),), 50.0, budget)


def decisions(space: Space, seed: int) -> list[Decision]:
    """All that was asked of a draw, unfitted."""
    recorder = Recorder(at_random(random.Random(seed)))
    space.sample(recorder)
    return recorder.decisions


def cost(architecture: Architecture) -> tuple[int, int]:
    """The least bytes, and the MACs."""
    footprints = predict(architecture)
    return min(f.file_bytes for f in footprints.values()), footprints["fp32"].macs


SPECTRA = {
    "half a second of sound": (5300, 8000.0, Spectrum(256, 128, 32, mel=True, level=True)),
    "a second of vibration": (500, 500.0, Spectrum(32, 16, 16)),
    "a window too short to hold frames enough": (200, 200.0, None),
    "a window longer than frames can be": (200_000, 8000.0, None),
}


@pytest.mark.parametrize(("time", "rate_hz", "expected"), SPECTRA.values(), ids=SPECTRA.keys())
def test_long_windows_begin_with_a_spectrum_by_default(time: int, rate_hz: float, expected: Spectrum | None) -> None:
    space = Space(time, 1, 4, rate_hz=rate_hz, families=("convnet",))
    spectra = [point.front.spectrum for point in space.defaults() if point.front.spectrum is not None]
    assert spectra == ([] if expected is None else [expected])
    first = space.defaults()[0].front.spectrum
    assert (first is not None) == (expected is not None and expected.mel)
