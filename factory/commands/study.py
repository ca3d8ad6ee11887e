"""`factory study`: what searches were asked, what they tried and found, and their trials for other tools."""

import argparse
import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from factory.artifacts import Trial
from factory.config import load_config
from factory.console import Console
from factory.errors import BadInput
from factory.export import write_table
from factory.pareto import by_strategy, family, front, kb
from factory.registry import Registry
from factory.registry.rows import StudyRow

KEY_DIGITS = 12
FRONT = ("trial", "accuracy", "macro-F1", "kB", "MACs", "family", "precision", "strategy", "trained")
TRIALS = (*FRONT, "seconds", "fits")


def run(options: argparse.Namespace, console: Console) -> int:
    """Carry out the action that was asked for."""
    config = load_config(options.home)
    with Registry.open(config.home, config.database.url) as registry:
        _ACTIONS[options.action](options, registry, console)
    return 0


def _list(options: argparse.Namespace, registry: Registry, console: Console) -> None:
    del options
    released = {release.study for release in registry.releases()}
    rows = [_summary(study, registry.trials(study.key), study.key in released) for study in registry.studies()]
    columns = ("key", "name", "began", "trials", "best accuracy", "kB", "state")
    console.table(columns, [tuple(row.values()) for row in rows], "Studies")
    if not rows:
        console.say("No study yet. Start with: factory build --help")


def _summary(study: StudyRow, trials: list[Trial], released: bool) -> dict[str, object]:
    found = front(trial for trial in trials if trial.fits)
    return {
        "key": study.key[:KEY_DIGITS],
        "name": study.name,
        "began": _date(study.created),
        "trials": len(trials),
        "best": found[-1].validation_accuracy if found else None,
        "kb": kb(found[-1]) if found else None,
        "state": "released" if released else "open",
    }


def _show(options: argparse.Namespace, registry: Registry, console: Console) -> None:
    study = registry.study(options.key)
    trials = registry.trials(study.key)
    best = front(trial for trial in trials if trial.fits)
    if options.json:
        plain = {**asdict(study), "trials": [asdict(trial) for trial in trials]}
        console.result({**plain, "front": [trial.number for trial in best]}, study.name)
        return
    spent = sum(trial.seconds for trial in trials)
    facts = {"key": study.key, "began": _date(study.created), **study.spec, "trials": len(trials)}
    console.result({**facts, "seconds_of_work": round(spent, 1)}, f"Study {study.name}")
    console.plot(trials, _max_kb(study.spec))
    console.table(FRONT, [_front_row(trial) for trial in best], "More accurate than all smaller ones")
    console.table(
        ("strategy", "trials", "best accuracy", "kB", "on the front"), _strategies(trials, best), "Strategies"
    )
    rows = [(*_front_row(trial), round(trial.seconds, 1), trial.fits) for trial in trials]
    console.table(TRIALS, rows, "Trials")


def _strategies(trials: list[Trial], best: list[Trial]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name, some in by_strategy(trials).items():
        top = max(some, key=lambda trial: (trial.fits, trial.validation_accuracy, -trial.footprint.file_bytes))
        rows.append((name, len(some), top.validation_accuracy, kb(top), len([t for t in best if t in some])))
    return rows


def _front_row(trial: Trial) -> tuple[object, ...]:
    return (
        trial.number,
        trial.validation_accuracy,
        trial.validation_macro_f1,
        kb(trial),
        trial.footprint.macs,
        family(trial),
        trial.precision,
        trial.strategy,
        f"{trial.effort:.0%}",
    )


def _export(options: argparse.Namespace, registry: Registry, console: Console) -> None:
    study = registry.study(options.key)
    trials = registry.trials(study.key)
    if options.out is None and options.optuna is None:
        raise BadInput("--out", "nothing to write to was named", "Give --out FILE, --optuna sqlite:///FILE, or both")
    written: dict[str, object] = {"study": study.key, "trials": len(trials)}
    if options.out is not None:
        write_table(trials, options.out)
        written["out"] = str(options.out)
    if options.optuna is not None:
        name = f"{study.name}-{study.key[:KEY_DIGITS]}"
        _write_optuna()(name, trials, _limits(study.spec), {"key": study.key, **study.spec}, options.optuna)
        written |= {"optuna": options.optuna, "optuna_study": name}
    console.result(written, f"Exported {study.name}")


def _write_optuna() -> Callable[..., None]:
    """Optuna is optional, and slow to import.

    Raises:
        BadInput: it is not installed.
    """
    try:
        module: Any = importlib.import_module("factory.export.optuna_study")
    except ImportError as error:
        raise BadInput("--optuna", "Optuna is not installed here", "Run: pip install 'cygnet[export]'") from error
    write: Callable[..., None] = module.write_optuna
    return write


def _limits(spec: Mapping[str, object]) -> dict[str, float]:
    """The budget of a study, by figure of a footprint."""
    limits: dict[str, float] = {}
    max_kb, max_macs = _max_kb(spec), spec.get("max_macs")
    if max_kb is not None:
        limits["file_bytes"] = 1000 * max_kb
    if isinstance(max_macs, int | float):
        limits["macs"] = max_macs
    return limits


def _max_kb(spec: Mapping[str, object]) -> float | None:
    value = spec.get("max_kb")
    return value if isinstance(value, int | float) else None


def _date(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).strftime("%Y-%m-%d %H:%M UTC")


_ACTIONS = {"list": _list, "show": _show, "export": _export}
