"""`factory evaluate`: a compiled model measured on one part of the data."""

import argparse

from factory import data, pipeline
from factory.console import Console


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the model window by window, and say how well it does."""
    with console.stage(f"Reading {options.data}"):
        dataset = data.windows(data.load(options.data, options.task))
    if pipeline.built_from(options.model) != dataset.digest:
        console.say(
            "Note: the model was built from other data, or this data was split otherwise; it may know these windows"
        )
    evidence = pipeline.evaluate(options.model, dataset, options.split)
    console.evidence(evidence, dataset.task.classes, f"{options.model} on the {options.split} part of {options.data}")
    return 0
