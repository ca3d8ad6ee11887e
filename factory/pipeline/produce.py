"""From an order to a release: the story of the factory, top to bottom.

Rules
1. Held-out windows are looked at once, by the model that is shipped, after every choice has been made.
2. They are answered one by one, as a device does, so that the device can be held to the figure.
3. The same order finds its release again; a build that was killed goes on from the trials it had finished.
4. The output folder appears whole or not at all, and never takes the place of anything else.
"""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from factory import compiler, search
from factory.artifacts import PARTS, TEST, VALIDATION, Budget, Candidate, Dataset, Evidence, Float32, Trial
from factory.errors import BadInput
from factory.pipeline import anomaly
from factory.pipeline.candidate import search_and_compile
from factory.registry import Registry
from factory.registry.rows import ReleaseRow
from factory.release import CardFacts, Keyring, Prediction, ReleaseRequest, card, count_parts, examine, publish
from factory.search import Progress
from protocol import codec, manifest

MODEL_NAME, MANIFEST_NAME, CARD_NAME, RELEASE_NAME = "model.onnx", "manifest.json", "card.html", "release.json"
MAX_MODEL_BYTES = 64 * 1024 * 1024
GOLDEN_WINDOWS = 4
ONE_BY_ONE = 1  # windows a call, as on the device


@dataclass(frozen=True)
class Order:
    """What is to be built: from which data, within which budget, into which folder."""

    source: str  # the data, as a person would call it
    dataset: Dataset
    budget: Budget
    seed: int
    out: Path
    notes: tuple[str, ...] = ()  # what was decided about the data without being asked
    cluster: str | None = None  # address of the Dask scheduler whose workers do it, in place of this machine's cores

    @property
    def study_key(self) -> str:
        """Equal for orders that give the same model (rule 3); other code may give another one."""
        facts = {"data": self.dataset.digest, "budget": asdict(self.budget), "seed": self.seed}
        spec = codec.canonical({**facts, "version": version("cygnet")})
        return hashlib.sha256(spec).hexdigest()


@dataclass(frozen=True)
class Built:
    """A release, and the folder its files are in."""

    release: ReleaseRow
    folder: Path
    model: manifest.ModelFacts

    @property
    def test(self) -> Mapping[str, Any]:
        """What the examination on the held-out part has shown: the fields of `Evidence`."""
        evidence: Mapping[str, Any] = self.release.evidence
        test: Mapping[str, Any] = evidence["test"]
        return test

    def summary(self) -> dict[str, object]:
        """The figures that people ask for first."""
        return {
            "held_out_accuracy": self.test["accuracy"],
            "held_out_macro_f1": self.test["macro_f1"],
            "held_out_windows": self.test["windows"],
            "precision": self.model.precision,
            "model_kb": self.model.length / 1000,
            "macs": self.model.macs,
            "latency_us_p50": round(self.test["latency"]["p50_us"], 1),
            "release": self.release.release,
            "folder": str(self.folder),
        }


def produce(order: Order, registry: Registry, keyring: Keyring, progress: Progress, valid_days: int) -> Built:
    """Build, examine, sign and lay out a model; or find the release that this order gave before.

    Raises:
        BadInput: the output folder holds something else, the data is unfit, or nothing can meet the budget.
    """
    _check_folder(order.out)
    study = order.study_key
    spec = {"source": order.source, "data": order.dataset.digest, "seed": order.seed, **asdict(order.budget)}
    registry.open_study(study, order.dataset.task.name, spec, datetime.now(UTC).timestamp())
    release = next((row for row in registry.releases() if row.study == study), None)
    if release is None:
        found = anomaly.search_and_compile if order.dataset.task.kind == "anomaly" else search_and_compile
        candidate = found(order.dataset, order.budget, order.seed, _Journal(registry, study), progress, order.cluster)
        progress.stage("examining on the held-out part")
        evidence = _examined(order.dataset.only(TEST), candidate.compiled.onnx, "test")
        progress.stage("signing and publishing")
        release = publish(registry, keyring, _request(order, candidate, evidence), datetime.now(UTC), valid_days)
    _lay_out(registry, release, order.out)
    facts = manifest.decode(registry.blobs.get(release.manifest)).model
    return Built(release, order.out, facts)


def evaluate(model: Path, dataset: Dataset, part: str) -> Evidence:
    """What a compiled model is worth on one part of the data, window by window as on a device.

    Raises:
        BadInput: the file is no model for this data, or the part has no windows.
    """
    blob = _read_model(model)
    windows = dataset.only(PARTS[part])
    if not len(windows.y):
        raise BadInput("--split", f"the {part} part of this data has no windows", "Name another part")
    try:
        return _examined(windows, blob, part)
    except ValueError as error:
        raise BadInput(
            str(model), f"not a model for this data: {error}", "Evaluate it on data like its training data"
        ) from error


def built_from(model: Path) -> str | None:
    """The digest of the data that a model says it was built from; None where it says nothing.

    Raises:
        BadInput: the file cannot be read, or is no ONNX file.
    """
    try:
        return compiler.facts_of(_read_model(model)).get("data_digest")
    except ValueError as error:
        raise BadInput(str(model), "not an ONNX file", "Give the path of a model.onnx") from error


class _Journal:
    """A study's finished trials, in the registry."""

    def __init__(self, registry: Registry, study: str) -> None:
        self._registry, self._study = registry, study

    def trials(self) -> list[Trial]:
        return self._registry.trials(self._study)

    def record(self, trial: Trial) -> None:
        self._registry.record_trial(self._study, trial)


def _examined(windows: Dataset, model: bytes, part: str) -> Evidence:
    """Rules 1 and 2."""
    answerer = compiler.Answerer(model)
    return examine(part, windows, answerer(windows.X, ONE_BY_ONE), answerer.latency(windows.X))


def _request(order: Order, candidate: Candidate, evidence: Evidence) -> ReleaseRequest:
    golden = _golden_windows(order.dataset)
    return ReleaseRequest(
        name=order.dataset.task.name,
        task=order.dataset.task,
        data_digest=order.dataset.digest,
        compiled=candidate.compiled,
        evidence={"test": evidence},
        golden_windows=golden,
        golden_answers=compiler.Answerer(candidate.compiled.onnx)(golden, ONE_BY_ONE),
        card=card(_card_facts(order, candidate, evidence)),
        study=order.study_key,
    )


def _golden_windows(dataset: Dataset) -> Float32:
    """Windows of the validation part, evenly spread over it so that they differ in class."""
    windows = dataset.only(VALIDATION).X
    spread: Float32 = windows[np.linspace(0, len(windows) - 1, GOLDEN_WINDOWS).astype(int)]
    return spread


def _card_facts(order: Order, candidate: Candidate, evidence: Evidence) -> CardFacts:
    return CardFacts(
        name=order.dataset.task.name,
        task=order.dataset.task,
        source=order.source,
        parts=count_parts(order.dataset),
        budget=order.budget,
        seed=order.seed,
        trials=candidate.trials,
        chosen=candidate.selected,
        variants=candidate.variants,
        released=candidate.compiled.precision,
        why=candidate.why,
        test=evidence,
        digests={"data": order.dataset.digest, "study": order.study_key},
        created=datetime.now(UTC),
        predicted=_prediction(candidate),
        notes=order.notes,
    )


def _prediction(candidate: Candidate) -> Prediction:
    precision = candidate.compiled.precision
    footprint = search.predict(candidate.architecture)[precision]
    return Prediction(footprint, search.predict_latency_us(candidate.architecture, precision))


def _check_folder(out: Path) -> None:
    """Rule 4: nothing that is not ours is ever replaced."""
    if out.is_dir() and any(out.iterdir()) and not (out / RELEASE_NAME).exists():
        raise BadInput("--out", f"{out} holds other files", "Name a new or empty folder")
    if out.exists() and not out.is_dir():
        raise BadInput("--out", f"{out} is a file", "Name a folder")


def _lay_out(registry: Registry, release: ReleaseRow, out: Path) -> None:
    """The release as files for people (rule 4)."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft, old = out.with_name(f".{out.name}.draft"), out.with_name(f".{out.name}.old")
    names = {MODEL_NAME: release.model, MANIFEST_NAME: release.manifest, RELEASE_NAME: release.release}
    if release.card is not None:
        names[CARD_NAME] = release.card
    for left_by_a_killed_build in (draft, old):
        shutil.rmtree(left_by_a_killed_build, ignore_errors=True)
    draft.mkdir()
    for name, sha256 in names.items():
        (draft / name).write_bytes(registry.blobs.get(sha256))
    if out.exists():
        out.rename(old)
    draft.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def _read_model(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_MODEL_BYTES:
            raise BadInput(
                str(path), f"{size} bytes are no tiny model", f"Give an ONNX file of at most {MAX_MODEL_BYTES}"
            )
        return path.read_bytes()
    except OSError as error:
        raise BadInput(str(path), f"cannot be read: {error.strerror}", "Give the path of a model.onnx") from error
