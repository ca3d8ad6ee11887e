"""Which trials are worth a look: those that no cheaper one equals."""

from collections.abc import Callable, Iterable

from factory.artifacts import Trial

KB = 1000  # bytes


def kb(trial: Trial) -> float:
    """The size of a trial's ONNX file, kB of 1000 bytes."""
    return trial.footprint.file_bytes / KB


def macs(trial: Trial) -> float:
    """Multiply-accumulates a window."""
    return trial.footprint.macs


def front(trials: Iterable[Trial], cost: Callable[[Trial], float] = kb) -> list[Trial]:
    """The trials that are more accurate than all cheaper ones, the cheapest first; of equals, the first proposed."""
    best: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (cost(t), -t.validation_accuracy, t.number)):
        if not best or trial.validation_accuracy > best[-1].validation_accuracy:
            best.append(trial)
    return best


def family(trial: Trial) -> str:
    """The family of a trial's architecture."""
    return str(trial.architecture.get("family", "convnet"))


def by_strategy(trials: Iterable[Trial]) -> dict[str, list[Trial]]:
    """The trials of each strategy, in the order in which strategies came up."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        found.setdefault(trial.strategy or "search", []).append(trial)
    return found
