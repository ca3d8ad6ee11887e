"""`factory build`: from a task and a recording to a signed model in the registry."""

import argparse

from factory import data, pipeline
from factory.artifacts import Budget
from factory.config import load_config
from factory.console import Console
from factory.errors import BadInput
from factory.registry import Registry
from factory.release import Keyring


def run(options: argparse.Namespace, console: Console) -> int:
    """Build, and say what was built."""
    limits = budget(options)
    config = load_config(options.home)
    with console.stage(f"Reading {options.data}"):
        dataset = data.windows(data.load(options.data, options.task))
    with Registry.open(config.home, config.database.url) as registry:
        keyring = Keyring.open(config.home / "keys", console.now())
        order = pipeline.Order(options.data, dataset, limits, options.seed, options.out)
        with console.building() as progress:
            built = pipeline.produce(order, registry, keyring, progress, config.limits.release_valid_days)
    console.result(built.summary(), f"Built {built.release.name}")
    return 0


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
