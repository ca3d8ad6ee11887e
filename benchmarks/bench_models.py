"""Held-out accuracy, size and time of models, side by side: same windows, same people held out, same budgets, one run.

    python benchmarks/bench_models.py [--data FOLDER] [--sets NAME ...] [--sides NAME ...] [--seeds 5] [--minutes M]

Rows go to build/benchmarks/models.json as they come; those that are there already are not made again. The held-out part
is looked at once a row, after everything is fitted.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import baselines, ours, sets, table
from benchmarks.sides import Fit
from factory import compiler
from factory.artifacts import TEST, TRAIN, VALIDATION

OUT = Path("build/benchmarks/models.json")
SIDES: Mapping[str, Fit] = {**ours.SIDES, **baselines.SIDES}
MAIN = "ours"  # what others are compared with; where it is not there, the first side that is asked for
SECONDS_A_MINUTE = 60
KB = 1000


def main() -> None:
    options = _options()
    rows = table.read(options.out)
    done = {(row.set, row.side, row.seed) for row in rows}
    for name, seed, side in product(options.sets, range(options.seeds), options.sides):
        if (name, side, seed) not in done:
            rows.append(_row(name, side, seed, options))
            table.write(rows, options.out)
            print(*table.mean_rows(rows[-1:])[1:], flush=True)
    chosen = [row for row in rows if row.set in options.sets and row.side in options.sides]
    print("", *table.mean_rows(chosen), "", sep="\n")
    main_side = MAIN if MAIN in options.sides else options.sides[0]
    for other in options.sides:
        found = table.difference(chosen, main_side, other) if other != main_side else None
        if found is not None:
            print(found)


def _row(name: str, side: str, seed: int, options: argparse.Namespace) -> table.Row:
    budget = sets.SETS[name].budget
    if options.minutes is not None:
        budget = replace(budget, minutes=options.minutes)
    dataset = sets.load(name, options.data, seed)
    fitted = SIDES[side](replace(dataset.only(TRAIN, VALIDATION), unlabelled=dataset.unlabelled), budget, seed)
    minutes = fitted.seconds / SECONDS_A_MINUTE
    test = dataset.only(TEST)
    scores = compiler.scores(fitted.answers(test.X), test.y)
    return table.Row(
        name, side, seed, scores.accuracy, scores.macro_f1, fitted.bytes / KB, fitted.macs, round(minutes, 3)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of the .npz files; without it, sets of pip packages only")
    parser.add_argument("--sets", nargs="+", choices=list(sets.SETS), help="default: all that are there")
    parser.add_argument("--sides", nargs="+", choices=list(SIDES), default=list(SIDES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, help="of each search; default: those of the set")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.sets = options.sets or sets.there(options.data)
    return options


if __name__ == "__main__":
    main()
