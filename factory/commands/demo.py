"""`factory demo`: the whole loop on real data."""

import argparse
import os
import sys

from factory.commands.build import budget
from factory.console import Console
from factory.demo import DemoOptions, demo

DISAGREES = 1


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the demo; 1 where the device's accuracy is not the one the factory measured."""
    by_default = sys.stdout.isatty() and "CI" not in os.environ
    order = DemoOptions(
        home=options.home.resolve(),
        source=options.data,
        task_file=options.task,
        budget=budget(options),
        seed=options.seed,
        speed=options.speed,
        port=options.port,
        stay=options.stay or (by_default and not options.exit),
    )
    report = demo(order, console)
    if not report.agrees:
        console.say(f"The two accuracies differ by {report.accuracy_difference:.4f}: device and factory disagree")
        return DISAGREES
    return 0
