"""`factory build`: from a task and a recording to a signed model in the registry."""

import argparse
import shlex
from collections.abc import Sequence

from factory import data, pipeline
from factory.artifacts import Budget
from factory.commands.stopping import stoppable
from factory.config import load_config
from factory.console import Console
from factory.errors import BadInput
from factory.registry import Registry
from factory.release import Keyring

STUDY_DIGITS = 12  # of its key, as people see it


def run(options: argparse.Namespace, console: Console) -> int:
    """Build, and say what was built; or, interrupted, how to go on."""
    limits, config = budget(options), load_config(options.home)
    cluster = options.cluster or config.build.cluster
    with console.stage(f"Reading {options.data}"):
        loaded = data.load(options.data, options.task)
        dataset = data.windows(loaded)
    for note in loaded.notes:
        console.say(f"Note: {note}")
    with Registry.open(config.home, config.database.url) as registry:
        keyring = Keyring.open(config.home / "keys", console.now())
        order = pipeline.Order(options.data, dataset, limits, options.seed, options.out, loaded.notes, cluster)
        try:
            with stoppable(), console.building(limits.max_kb) as progress:
                built = pipeline.produce(order, registry, keyring, progress, config.limits.release_valid_days)
        except KeyboardInterrupt:
            finished = len(registry.trials(order.study_key))
            console.say(to_go_on(order.study_key, finished, options.typed))
            raise
    console.result(built.summary(), f"Built {built.release.name}")
    return 0


def to_go_on(study: str, finished: int, typed: Sequence[str]) -> str:
    """What somebody is told who has interrupted a build. `typed`: the arguments it was started with."""
    kept = f"{finished} finished trial{'' if finished == 1 else 's'} {'is' if finished == 1 else 'are'} kept"
    command = shlex.join(("factory", *typed))
    return f"Stopped; {kept} (factory study show {study[:STUDY_DIGITS]}). To go on from there:\n  {command}"


def budget(options: argparse.Namespace) -> Budget:
    """The budget on the command line.

    Raises:
        BadInput: a limit is zero, negative or not a number.
    """
    for name in ("minutes", "trials", "max_kb", "max_macs"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise BadInput(f"--{name.replace('_', '-')}", f"{value} is no budget", "Give a number above 0")
    return Budget(options.max_kb, options.max_macs, options.minutes, options.trials)
