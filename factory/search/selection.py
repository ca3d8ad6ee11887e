"""Which trials are worth going on with.

Rules
1. What does not fit the budget is worse than everything that does.
2. Trials of full effort are compared with one another; those of less are no more than a hint, and stand behind them.
3. Architectures that differ in no more than one field are one idea: of them only the best goes on.
4. The best of every family goes on too, if it is within `REACH` of the best of all: models that are wrong in different
   places teach together what none of them knows alone.
"""

from collections.abc import Iterator, Mapping, Sequence

from factory.artifacts import Trial

REACH = 0.08  # of score
ALIKE = 1  # fields that may differ


def score(trial: Trial) -> float:
    """What searchers maximise (rule 1)."""
    return (trial.validation_accuracy + trial.validation_macro_f1) / 2 - (0.0 if trial.fits else 1.0)


def best(trials: Sequence[Trial]) -> Trial:
    """The best trial; of equals the smaller, then the earlier one."""
    return max(trials, key=_rank)


def pareto(trials: Sequence[Trial]) -> list[Trial]:
    """The trials that fit, at full effort, and of which no other is better without being larger or slower: the
    smallest file first.
    """
    whole = [trial for trial in trials if trial.fits and trial.effort == 1]
    front = [trial for trial in whole if not any(_beats(other, trial) for other in whole)]
    return sorted(front, key=lambda trial: (trial.footprint.file_bytes, trial.number))


def finalists(trials: Sequence[Trial], count: int, *, each_family: bool = True) -> list[Trial]:
    """At most `count` trials that fit, the best first (rules 2 to 4)."""
    ranked = _distinct(sorted((trial for trial in trials if trial.fits), key=_rank, reverse=True))
    chosen = ranked[:count]
    if each_family and chosen:
        chosen = _with_each_family(ranked, chosen, count)
    return sorted(chosen, key=_rank, reverse=True)


def _rank(trial: Trial) -> tuple[bool, bool, float, int, int]:
    return trial.fits, trial.effort == 1, score(trial), -trial.footprint.file_bytes, -trial.number


def _beats(one: Trial, other: Trial) -> bool:
    """Whether it is as good in everything and better in something, or the same and earlier."""
    ours, theirs = _goods(one), _goods(other)
    return all(a >= b for a, b in zip(ours, theirs, strict=True)) and (ours != theirs or one.number < other.number)


def _goods(trial: Trial) -> tuple[float, int, int]:
    return score(trial), -trial.footprint.file_bytes, -trial.footprint.macs


def _distinct(ranked: Sequence[Trial]) -> list[Trial]:
    """Without those that are nearly the same as a better one (rule 3)."""
    kept: list[tuple[Trial, dict[str, object]]] = []
    for trial in ranked:
        fields = dict(_fields(trial.architecture))
        if all(_differences(fields, known) > ALIKE for _, known in kept):
            kept.append((trial, fields))
    return [trial for trial, _ in kept]


def _with_each_family(ranked: Sequence[Trial], chosen: Sequence[Trial], count: int) -> list[Trial]:
    """The best of every family within reach in place of the last of others (rule 4)."""
    families = {str(trial.architecture.get("family")): trial for trial in reversed(ranked)}
    within = [trial for trial in families.values() if score(trial) >= score(chosen[0]) - REACH]
    needed = sorted(within, key=_rank, reverse=True)[:count]
    rest = [trial for trial in chosen if trial not in needed]
    return needed + rest[: count - len(needed)]


def _fields(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Every plain value of an encoded architecture with where it stands."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _fields(each, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _fields(each, f"{path}.{index}")
    else:
        yield path, value


def _differences(one: Mapping[str, object], other: Mapping[str, object]) -> int:
    return sum(one.get(name) != other.get(name) for name in one.keys() | other.keys())
