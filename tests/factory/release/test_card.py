"""The model card: complete, self-contained, escaped, and drawn for data of any shape."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from factory.artifacts import (
    TEST,
    TRAIN,
    VALIDATION,
    Bin,
    Budget,
    Compiled,
    Dataset,
    Evidence,
    Footprint,
    Latency,
    Parity,
    Precision,
    Split,
    Task,
    Trial,
    Variant,
)
from factory.release import facts, plots, tradeoff
from factory.release.card import CardFacts, PartCount, card, count_parts, limits, mistakes, strategies
from factory.release.facts import Prediction

CLASSES = ("sit", "walk", "run")
TASK = Task("gait", "classification", CLASSES, ("ax", "ay"), ("g", "g"), 50.0, 200, 100, Split("group"))
LATENCY = Latency(38.44, 44.1, 61.7)


def variant(precision: Precision, file_bytes: int) -> Variant:
    footprint = Footprint(812_345, 14_321, 51_200, file_bytes)
    compiled = Compiled(b"", precision, footprint, ("Conv", "Gemm"), 17, 9, Parity(464, 0.0312, 0.9957))
    return Variant(compiled, 0.881, 0.87, LATENCY, fits=True)


def trial(number: int, file_bytes: int, accuracy: float, *, fits: bool = True) -> Trial:
    precision: Precision = "int8" if number % 2 else "fp32"
    family, strategy = ("trees", "defaults") if number % 2 else ("convnet", "evolution")
    cost = Footprint(10 * file_bytes, 1, 1, file_bytes)
    return Trial(number, {"family": family}, precision, accuracy, accuracy, cost, 6, 1.0, fits, strategy)


EVIDENCE = Evidence(
    part="test",
    windows=60,
    accuracy=0.85,
    macro_f1=0.8497,
    accuracy_low=0.739,
    accuracy_high=0.919,
    confusion=((19, 1, 0), (2, 15, 3), (0, 3, 17)),
    accuracy_by_group={"s01": 0.9, "s02": 0.8},
    latency=LATENCY,
    calibration_error=0.0417,
    reliability=(Bin(20, 0.62, 0.5), Bin(40, 0.97, 1.0)),
)
FACTS = CardFacts(
    name="smartwatch-gait",
    task=TASK,
    source="Recordings of ten people",
    parts=(
        PartCount("train", 1108, 5, 0, (300, 400, 408)),
        PartCount("validation", 464, 2, 0, (150, 150, 164)),
        PartCount("test", 60, 2, 0, (20, 20, 20)),
    ),
    budget=Budget(100.0, 2_000_000, 3.0),
    seed=11,
    trials=(trial(0, 20_000, 0.7), trial(1, 34_210, 0.88), trial(2, 180_000, 0.9, fits=False)),
    chosen=1,
    variants=(variant("fp32", 66_123), variant("int8", 34_210)),
    released="int8",
    why="The best score within the budget.",
    test=EVIDENCE,
    digests={"data": "da" * 32, "model": "de" * 32},
    created=datetime(2025, 3, 1, 9, 30, tzinfo=UTC),
    predicted=Prediction(Footprint(812_000, 14_321, 51_200, 33_000), 41.26),
)


class Outline(HTMLParser):
    """Tags, attributes and visible text of a page; says where tags do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += " ".join(data.split()) + " "


@pytest.fixture(scope="module")
def html() -> str:
    return card(FACTS)


@pytest.mark.parametrize(
    "said",
    [
        "smartwatch-gait",
        "85.0 %",
        "73.9 % to 91.9 %",
        "34.2 kB",
        "812 k",
        "14.3 k",
        "38.4 µs",
        "61.7 µs",
        "0.850",
        "ax (g)",
        "200 samples (4 s)",
        "50 samples per second",
        "100 kB, 2 M MACs, 3 minutes",
        "3 trials, seed 11",
        "The best score within the budget.",
        "None of them was in training.",
        "1 108",
        "99.6 % of 464",
        "0.031",
        "opset 17, IR 9",
        "Conv, Gemm",
        "51.2 kB of activations",
        "1 March 2025, 09:30 UTC",
        "da" * 32,
        "de" * 32,
        "▲ trees",
        "34.2 342 k 88.0 % trees int8 1",
        "defaults 1 88.0 % 34.2 1",
        "off by 4.2 percentage points on average",
        "file, kB 33.0 34.2",
        "one window, µs 41.3 38.4",
    ],
)
def test_the_card_says(html: str, said: str) -> None:
    assert said in Outline(html).text


def test_the_card_needs_nothing_from_elsewhere_and_runs_nothing(html: str) -> None:
    page = Outline(html)
    assert not {"script", "link", "img", "iframe", "object", "embed", "form", "base", "image"} & set(page.tags)
    for name, value in page.attributes:
        assert not name.startswith("on")
        assert name not in {"src", "srcset", "action"}
        if name in {"href", "xlink:href"}:
            assert (value or "").startswith("#")
    assert not re.search(r"url\((?!#)|@import", html)


def test_the_card_is_the_same_each_time(html: str) -> None:
    assert card(FACTS) == html


def test_ids_are_unique_and_references_find_them(html: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    references = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', html)
    assert {one or other for one, other in references} <= set(ids)


HOSTILE = ("<script>alert(1)</script>", '"><img src=x>', "$x_{$")


def test_names_from_outside_are_text_wherever_they_stand() -> None:
    name = HOSTILE[0]
    task = replace(TASK, name=name, classes=HOSTILE, channels=(name, "ay"), units=(name, "g"))
    evidence = replace(EVIDENCE, accuracy_by_group={name: 0.5, "x' onload='y": 0.4})
    digests = {name: name}
    html = card(replace(FACTS, name=name, task=task, source=name, why=name, test=evidence, digests=digests))
    page = Outline(html)
    assert not {"script", "img"} & set(page.tags)
    assert not [attribute for attribute, _ in page.attributes if attribute.startswith("on")]
    assert page.text.count(name) >= 6


def many_classes(n: int) -> CardFacts:
    confusion = tuple(tuple(9 if row == column else (row * column) % 2 for column in range(n)) for row in range(n))
    task = replace(TASK, classes=tuple(f"class number {i}" for i in range(n)))
    parts = tuple(replace(part, by_class=(3,) * n) for part in FACTS.parts)
    return replace(FACTS, task=task, parts=parts, test=replace(EVIDENCE, confusion=confusion))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(FACTS, trials=FACTS.trials[1:2]), id="one trial"),
        pytest.param(replace(FACTS, trials=(trial(1, 5_000, 0.4, fits=False),)), id="one trial, over the budget"),
        pytest.param(replace(FACTS, variants=FACTS.variants[1:]), id="one precision"),
        pytest.param(replace(FACTS, predicted=None), id="nothing foreseen"),
        pytest.param(
            replace(FACTS, predicted=None, test=replace(EVIDENCE, calibration_error=None, reliability=())),
            id="neither foreseen nor calibrated",
        ),
        pytest.param(
            replace(FACTS, trials=tuple(replace(one, strategy="", effort=0.1) for one in FACTS.trials)),
            id="trials of the first shape, cut short",
        ),
        pytest.param(replace(FACTS, budget=Budget(max_trials=40)), id="no budget but trials"),
        pytest.param(replace(FACTS, test=replace(EVIDENCE, accuracy_by_group={"all": 0.85})), id="no groups"),
        pytest.param(replace(FACTS, task=replace(TASK, split=Split("time"))), id="split by time"),
        pytest.param(replace(FACTS, task=replace(TASK, split=Split("given"))), id="split as given"),
        pytest.param(replace(FACTS, task=replace(TASK, channels=("ax",), units=("",))), id="one channel without unit"),
        pytest.param(replace(FACTS, task=replace(TASK, classes=("站立", "走", "跑"))), id="names of another script"),
        pytest.param(many_classes(40), id="forty classes"),
        pytest.param(
            replace(FACTS, test=replace(EVIDENCE, accuracy_by_group={f"s{i}": i / 99 for i in range(99)})),
            id="99 people",
        ),
        pytest.param(
            replace(FACTS, test=replace(EVIDENCE, confusion=((20, 0, 0), (0, 20, 0), (0, 0, 20)))), id="no mistake"
        ),
    ],
)
def test_a_card_can_be_made_of_other_facts(other: CardFacts) -> None:
    assert other.name in Outline(card(other)).text


def test_pictures_follow_the_pages_colours() -> None:
    pictures = plots.by_name(FACTS)
    assert set(pictures) == {"size", "work", "reliability", "confusion", "groups", "variants"}
    for svg in pictures.values():
        assert "var(--" in svg
        assert "DejaVu" not in svg
        assert not re.search(r"#0[1-6]0[1-6]0[1-6]", svg)


def test_trials_far_below_the_rest_do_not_press_it_together() -> None:
    trials = [trial(i, 1000 * (i + 1), 0.90 + i / 100) for i in range(8)]
    alone = tradeoff.tradeoff(trials, 3, tradeoff.SIZE, None)
    assert "90 %" in alone
    with_a_failure = tradeoff.tradeoff([*trials, trial(8, 500, 0.1)], 3, tradeoff.SIZE, None)
    assert "90 %" in with_a_failure
    assert "20 %" not in with_a_failure


@pytest.mark.parametrize("macs", [(0, 0), (0, 5000)])
def test_trials_that_multiply_nothing_have_a_place(macs: tuple[int, int]) -> None:
    trials = [replace(trial(i, 9000, 0.9), footprint=Footprint(one, 1, 1, 9000)) for i, one in enumerate(macs)]
    assert "nan" not in tradeoff.tradeoff(trials, 0, tradeoff.WORK, None)


def test_each_strategy_says_what_it_has_brought() -> None:
    found = [(one.name, one.trials, one.best.number, one.on_front, one.chosen) for one in strategies(FACTS)]
    assert found == [("evolution", 2, 0, 1, False), ("defaults", 1, 1, 1, True)]


def test_mistakes_are_listed_by_the_share_of_their_class() -> None:
    found = [(one.label, one.answer, one.windows, one.share) for one in mistakes(FACTS)]
    assert found == [
        ("walk", "run", 3, 0.15),
        ("run", "walk", 3, 0.15),
        ("walk", "sit", 2, 0.1),
        ("sit", "walk", 1, 0.05),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({}, "More than 2 people or devices it was not trained on", id="unseen people"),
        pytest.param(
            {"parts": (*FACTS.parts[:2], replace(FACTS.parts[2], seen=2))},
            "People or devices it was not trained on: all that are held out were in training too",
            id="people who were in training too",
        ),
        pytest.param({}, "group s02, where 80.0 % of windows were right", id="the hardest group"),
        pytest.param(
            {"test": replace(EVIDENCE, confusion=((19, 1, 0), (0, 0, 0), (0, 3, 17)))},
            "Held-out data of walk: there was none.",
            id="a class that was not held out",
        ),
        pytest.param({}, "none of its 3 classes", id="anything else"),
    ],
)
def test_limits_say_what_was_not_tested(changes: dict[str, Any], said: str) -> None:
    assert said in " ".join(limits(replace(FACTS, **changes)))


@pytest.mark.parametrize("changes", [{"chosen": 7}, {"released": "fp32", "variants": FACTS.variants[1:]}])
def test_facts_that_contradict_themselves_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not among"):
        replace(FACTS, **changes)


def test_parts_are_counted_with_the_groups_they_share_with_earlier_ones() -> None:
    part = np.array([TRAIN, TRAIN, VALIDATION, TEST, TEST, TEST], dtype=np.int8)
    group = np.array(["a", "b", "v", "a", "v", "c"])
    y = np.array([0, 1, 1, 2, 2, 2])
    X = np.zeros((6, 200, 2), dtype=np.float32)
    dataset = Dataset(TASK, X, y, part, group, group, np.zeros(6, dtype=np.int64), "")
    assert count_parts(dataset) == (
        PartCount("train", 2, 2, 0, (1, 1, 0)),
        PartCount("validation", 1, 1, 0, (0, 1, 0)),
        PartCount("test", 3, 3, 2, (0, 0, 3)),
    )


@pytest.mark.parametrize(
    ("say", "value", "said"),
    [
        (facts.percent, 0.85449, "85.4 %"),
        (facts.tenth, 1234.56, "1\u2009234.6"),
        (facts.number, 1_234_567, "1\u2009234\u2009567"),
        (facts.number, 2.0, "2"),
        (facts.number, 0.0011111, "0.00111"),
        (facts.amount, 950, "950"),
        (facts.amount, 38_123, "38.1\u2009k"),
        (facts.amount, 1_240_000, "1.24\u2009M"),
        (facts.amount, 2_500_000_000, "2.5\u2009G"),
    ],
)
def test_numbers_read_well(say: Callable[[float], str], value: float, said: str) -> None:
    assert say(value) == said
