"""A study as Optuna keeps one, for optuna-dashboard and whatever else reads it.

What stands where
1. Parameters: the architecture, flattened. A number gets the range over all trials of the study, everything else the
   choices that occur; what an architecture does not have is not among its parameters.
2. Values: validation accuracy (maximised) and kB of the ONNX file (minimised). Constraints: how far it is over the
   budget, at most 0 where it fits.
3. Intermediate values: the accuracy of the same architecture by the share of a whole training that it had got, in
   percent, up to this trial's.
4. User attributes: all else that a trial knows.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from factory.artifacts import Trial
from factory.errors import BadInput
from factory.export.flat import Scalar, flattened
from factory.pareto import kb

PREFIX = "sqlite:///"
OBJECTIVES = ("validation accuracy", "kB")
_ATTRIBUTES = ("strategy", "effort", "precision", "validation_macro_f1", "fits", "epochs", "seconds")

Limits = Mapping[str, float]  # by name of a figure of the footprint, in its unit


def write_optuna(
    name: str, trials: Sequence[Trial], limits: Limits, attributes: Mapping[str, object], url: str
) -> None:
    """Write an Optuna study of this name into the database at `url`.

    Raises:
        BadInput: the URL is none, its folder is not there, the file is something else, or it has this study already.
    """
    _check_url(url)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(storage=url, study_name=name, directions=["maximize", "minimize"])
    except optuna.exceptions.DuplicatedStudyError as error:
        raise BadInput("--optuna", f"{url} holds study {name!r} already", "Name a new file") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # names are for show
        study.set_metric_names(list(OBJECTIVES))
    for key, value in attributes.items():
        study.set_user_attr(key, value)
    study.add_trials(frozen(trials, limits))


def frozen(trials: Sequence[Trial], limits: Limits) -> list[optuna.trial.FrozenTrial]:
    """The trials as Optuna's (rules 1 to 4)."""
    points = [{key: value for key, value in flattened(t.architecture) if value is not None} for t in trials]
    distributions = _distributions(points)
    return [
        optuna.trial.create_trial(
            values=[trial.validation_accuracy, kb(trial)],
            params=dict(point),
            distributions={key: distributions[key] for key in point},
            user_attrs={**{key: getattr(trial, key) for key in _ATTRIBUTES}, **asdict(trial.footprint)},
            intermediate_values=_by_effort(trial, trials),
            constraints={key: getattr(trial.footprint, key) - limit for key, limit in limits.items()},
        )
        for trial, point in zip(trials, points, strict=True)
    ]


def _distributions(points: Sequence[Mapping[str, Scalar]]) -> dict[str, BaseDistribution]:
    """Rule 1."""
    values: dict[str, list[Scalar]] = {}
    for point in points:
        for key, value in point.items():
            values.setdefault(key, []).append(value)
    return {key: _distribution(some) for key, some in values.items()}


def _distribution(values: Sequence[Scalar]) -> BaseDistribution:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    whole = [value for value in numbers if isinstance(value, int)]
    if len(whole) == len(values):
        return IntDistribution(min(whole), max(whole))
    if len(numbers) == len(values):
        return FloatDistribution(min(numbers), max(numbers))
    return CategoricalDistribution(list(dict.fromkeys(values)))


def _by_effort(trial: Trial, trials: Sequence[Trial]) -> dict[int, float]:
    """Rule 3."""
    same = [t for t in trials if t.architecture == trial.architecture and t.effort < trial.effort]
    return {round(100 * t.effort): t.validation_accuracy for t in [*same, trial]}


def _check_url(url: str) -> None:
    path = Path(url.removeprefix(PREFIX))
    if not url.startswith(PREFIX) or not path.name:
        raise BadInput("--optuna", f"{url!r} is no storage", f"Give {PREFIX}FILE, for example {PREFIX}study.db")
    if not path.parent.is_dir():
        raise BadInput("--optuna", f"the folder {path.parent} is not there", "Make it, or name another file")
    if path.exists() and path.read_bytes()[:16] not in {b"", b"SQLite format 3\0"}:
        raise BadInput("--optuna", f"{path} is no SQLite file", "Name a new file")
