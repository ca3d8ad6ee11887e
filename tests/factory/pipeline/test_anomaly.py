"""An anomaly task from data to the agent: built, examined, told on a card, and answered alike on a device."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from edge_agent.accuracy import Owner, Prediction, Scorer
from edge_agent.config import Limits
from edge_agent.labels import LabelBook
from edge_agent.runtime import Runtime
from factory import compiler, data, pipeline
from factory.architectures import Autoencoder, Density
from factory.artifacts import TEST, TRAIN, VALIDATION, Budget, Dataset, Footprint, Task, Trial
from factory.errors import BadInput
from factory.pipeline import anomaly
from factory.registry import Registry
from factory.release import Keyring
from protocol import manifest
from protocol.messages import Label
from tests.support.machines import TASK, write_machines
from tests.support.workshop import Silent

TASK_OF = Task("pump", "anomaly", ("normal", "anomaly"), ("a", "b"), ("", ""), 10.0, 128, 64)


class Journal:
    """Trials that are kept for as long as a test runs."""

    def __init__(self, trials: Sequence[Trial] = ()) -> None:
        self.kept = list(trials)

    def trials(self) -> list[Trial]:
        return list(self.kept)

    def record(self, trial: Trial) -> None:
        self.kept = [each for each in self.kept if each.number != trial.number] + [trial]


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("machines")
    write_machines(folder / "machines.npz")
    (folder / "task.toml").write_text(TASK)
    return data.windows(data.load(str(folder / "machines.npz"), folder / "task.toml"))


@pytest.fixture(scope="module")
def built(machines: Dataset, tmp_path_factory: pytest.TempPathFactory) -> pipeline.Built:
    folder = tmp_path_factory.mktemp("built")
    order = pipeline.Order("machines", machines, Budget(max_kb=32, minutes=2, max_trials=3), 0, folder / "model")
    with Registry.open(folder / "home") as registry:
        keyring = Keyring.open(folder / "home" / "keys", datetime.now(UTC))
        return pipeline.produce(order, registry, keyring, Silent(), 3650)


def test_most_held_out_windows_are_told_right(built: pipeline.Built) -> None:
    (quiet, false), (missed, found) = built.test["confusion"]
    assert false / (quiet + false) < 0.1
    assert found / (missed + found) > 0.8


def test_the_device_answers_as_the_factory_examined(built: pipeline.Built, machines: Dataset) -> None:
    folder, test = built.folder, machines.only(TEST)
    model, published = (folder / "model.onnx").read_bytes(), manifest.decode((folder / "manifest.json").read_bytes())
    assert (published.task, published.classes) == ("anomaly", ("normal", "anomaly"))

    async def on_the_device() -> np.ndarray:
        runtime = Runtime(published, model, Limits())
        await runtime.start()  # reproduces the golden vectors
        try:
            return (await runtime.run(test.X))[1]
        finally:
            await runtime.stop()

    answers = asyncio.run(on_the_device())
    np.testing.assert_array_equal(answers, compiler.Answerer(model)(test.X, 1))
    table = [[int(((test.y == a) & (answers.argmax(1) == b)).sum()) for b in (0, 1)] for a in (0, 1)]
    assert table == [list(row) for row in built.test["confusion"]]


def test_the_device_counts_anomalies_like_classes(built: pipeline.Built) -> None:
    published = manifest.decode((built.folder / "manifest.json").read_bytes())
    scorer, book = Scorer(Owner("active", "r", published.answered), 10), LabelBook(10, [])
    for number, answer in enumerate((0, 1, 1)):
        scorer.predicted(Prediction(f"w{number}", number, number + 1.0, answer), 50.0, book)
    scorer.labelled(Label(label_id="l", y="anomaly", t=9.0, source="tablet", inference_id="w2"))
    checkpoint = scorer.take(1.0)
    assert checkpoint is not None
    assert checkpoint.metrics is not None
    assert checkpoint.metrics.predicted == (1, 2)
    assert checkpoint.metrics.confusion == ((0, 0), (0, 1))


def test_evaluate_finds_the_same_figures(built: pipeline.Built, machines: Dataset) -> None:
    evidence = pipeline.evaluate(built.folder / "model.onnx", machines, "test")
    assert evidence.accuracy == built.test["accuracy"]


def test_the_card_tells_false_alarms_and_what_was_missed(built: pipeline.Built) -> None:
    card = (built.folder / "card.html").read_text()
    for text in (
        "Tells anomalies from what is normal",
        "False alarms",
        "Missed",
        "F1 of anomalies",
        "the score behind it",
    ):
        assert text in card
    assert "classes apart" not in card


def test_the_file_says_its_threshold(built: pipeline.Built, machines: Dataset) -> None:
    model = (built.folder / "model.onnx").read_bytes()
    facts, test = compiler.facts_of(model), machines.only(TEST)
    answerer = compiler.Answerer(model)
    assert facts["task"] == "anomaly"
    assert json.loads(facts["classes"]) == ["normal", "anomaly"]
    alarms = answerer(test.X).argmax(1) == 1
    np.testing.assert_array_equal(alarms, answerer.scores(test.X) > float(facts["threshold"]) * (1 + 1e-6))


def found(dataset: Dataset, journal: Journal, most: int = 3, seed: int = 0) -> tuple[bytes, str]:
    candidate = anomaly.search_and_compile(dataset, Budget(32, minutes=2, max_trials=most), seed, journal, Silent())
    return candidate.compiled.onnx, candidate.why


def test_without_labelled_anomalies_it_is_built_from_normal_windows_alone(machines: Dataset) -> None:
    keep = (machines.y == 0) | (machines.part == TEST)
    names = ("X", "y", "part", "group", "recording", "start")
    alone = replace(machines, **{name: getattr(machines, name)[keep] for name in names})
    model, why = found(alone, Journal())
    assert "anomalies made of normal windows" in why
    test = machines.only(TEST)
    right = compiler.answers(model, test.X).argmax(1) == test.y
    assert right.mean() > 0.8


def test_labelled_anomalies_are_compared_by_and_nothing_of_the_test_part_counts(machines: Dataset) -> None:
    other = replace(machines, X=np.where((machines.part == TEST)[:, None, None], np.float32(9), machines.X))
    (model, why), (same, _) = found(machines, Journal()), found(other, Journal())
    assert "labelled anomalies" in why
    assert model == same


def test_a_killed_build_goes_on_and_ends_where_it_would_have(machines: Dataset) -> None:
    journal = Journal()
    whole = found(machines, journal)
    halfway = Journal(journal.trials()[:1])
    assert found(machines, halfway) == whole
    assert [trial.number for trial in halfway.trials()] == [0, 1, 2]


def test_every_family_is_among_the_points_and_bands_where_the_window_holds_frames() -> None:
    points = anomaly.points(TASK_OF)
    assert {type(point) for point in points} == {Density, Autoencoder}
    assert any(point.front.spectrum for point in points)
    short = anomaly.points(replace(TASK_OF, window=2))
    assert short
    assert not any(point.front.spectrum for point in short)
    assert len(set(points)) == len(points)


@pytest.mark.parametrize(
    "budget", [Budget(max_kb=0.5), Budget(max_macs=1)], ids=["half a kilobyte", "one multiplication"]
)
def test_a_budget_that_nothing_meets_is_refused_before_anything_is_trained(budget: Budget) -> None:
    with pytest.raises(BadInput, match="smallest detector for this task takes"):
        anomaly.affordable(TASK_OF, budget)


def trial(number: int, accuracy: float, size: int, fits: bool = True) -> Trial:
    return Trial(number, {}, "fp32", accuracy, accuracy, Footprint(1, 1, 1, size), 1, 0.1, fits)


CHOICES = {
    "the best, where it is clearly better": ([trial(0, 0.6, 10), trial(1, 0.9, 99)], 1),
    "the simplest that is as good but for chance": ([trial(0, 0.89, 10), trial(1, 0.9, 99)], 0),
    "the best that fits": ([trial(0, 0.6, 10), trial(1, 0.9, 99, fits=False)], 0),
}


@pytest.mark.parametrize("case", CHOICES)
def test_the_choice_is(case: str) -> None:
    trials, expected = CHOICES[case]
    assert anomaly.choose(trials, 100).number == expected


def test_no_choice_where_nothing_fits() -> None:
    with pytest.raises(BadInput, match=r"The smallest took 0\.01 kB"):
        anomaly.choose([trial(0, 0.6, 10, fits=False)], 100)


@pytest.mark.parametrize(("part", "name"), [(TRAIN, "train"), (VALIDATION, "validation")])
def test_a_part_without_normal_windows_is_refused(machines: Dataset, part: int, name: str) -> None:
    strange = replace(machines, y=np.where(machines.part == part, 1, machines.y))
    with pytest.raises(BadInput, match=f"the {name} part has 0 normal windows"):
        anomaly.search_and_compile(strange, Budget(minutes=1), 0, Journal(), Silent())
