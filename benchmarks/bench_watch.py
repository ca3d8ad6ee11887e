"""Held-out accuracy on the smartwatch exercises: the factory against randomised trees on crude statistics.

Both sides get the same windows of the same people, in one run, for several ways of choosing the held-out people. The
trees (Geurts, Ernst and Wehenkel, 2006) see mean, deviation, minimum, maximum and mean absolute difference of each
channel.

    python benchmarks/bench_watch.py [--splits 5] [--trials 8]
"""

import argparse
import dataclasses
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier

from factory import data, pipeline
from factory.artifacts import TEST, Budget, Dataset, Float32
from factory.console import Console
from factory.registry import Registry
from factory.release import Keyring

SOURCE = "package:seglearn-watch"
OUT = Path("build/benchmarks/watch.json")
TREES = 150
MAX_KB, MINUTES = 64.0, 10.0


def main() -> None:
    options = _options()
    rows = [_row(split, options.trials) for split in range(options.splits)]
    summary = {name: _spread([row[name] for row in rows]) for name in ("ours", "trees", "ratio", "kb", "seconds")}
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps({"rows": rows, "summary": summary}, indent=1))
    print(f"{'split':>6} {'ours':>7} {'trees':>7} {'ratio':>7} {'kB':>6} {'s':>6}")
    for row in rows:
        print(
            f"{row['split']:>6.0f} {row['ours']:>7.4f} {row['trees']:>7.4f} {row['ratio']:>7.3f} "
            f"{row['kb']:>6.1f} {row['seconds']:>6.0f}"
        )
    print({name: f"{mean:.4g} +- {deviation:.2g}" for name, (mean, deviation) in summary.items()})


def _row(split: int, trials: int) -> dict[str, float]:
    """One choice of people: accuracy of both sides on the held-out ones."""
    loaded = data.load(SOURCE)
    task = dataclasses.replace(loaded.task, split=dataclasses.replace(loaded.task.split, seed=split))
    dataset = data.windows(dataclasses.replace(loaded, task=task))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Registry.open(Path(folder) / "home") as registry:
        keyring = Keyring.open(Path(folder) / "keys", datetime.now(UTC))
        order = pipeline.Order(
            SOURCE, dataset, Budget(MAX_KB, minutes=MINUTES, max_trials=trials), split, Path(folder) / "model"
        )
        with Console().building() as progress:
            built = pipeline.produce(order, registry, keyring, progress, 1)
    seconds = time.monotonic() - began
    ours, trees = float(built.test["accuracy"]), _trees(dataset, split)
    kb = built.model.length / 1000
    return {"split": split, "ours": ours, "trees": trees, "ratio": ours / trees, "kb": kb, "seconds": seconds}


def _trees(dataset: Dataset, seed: int) -> float:
    """Held-out accuracy of the trees, which learn from train and validation part as ours does in the end."""
    test = dataset.part == TEST
    model = ExtraTreesClassifier(TREES, random_state=seed).fit(_statistics(dataset.X[~test]), dataset.y[~test])
    return float(model.score(_statistics(dataset.X[test]), dataset.y[test]))


def _statistics(X: Float32) -> Float32:
    """(windows, 5 * channels)."""
    difference = np.abs(np.diff(X, axis=1)).mean(axis=1)
    return np.concatenate([X.mean(1), X.std(1), X.min(1), X.max(1), difference], axis=1)


def _spread(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--splits", type=int, default=5, help="ways of choosing the held-out people (default: %(default)d)"
    )
    parser.add_argument("--trials", type=int, default=8, help="architectures a search tries (default: %(default)d)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
