"""What a model's file says about itself, and the room that takes."""

import dataclasses
import json
from collections.abc import Mapping
from importlib.metadata import version

from factory import search
from factory.artifacts import Budget, Dataset

FACT_BYTES = 8  # that a fact takes in a file beside its name and text


def model_facts(dataset: Dataset) -> dict[str, str]:
    """What the file says about itself, in `metadata_props`."""
    task = dataset.task
    return {
        "name": task.name,
        "task": task.kind,
        "classes": json.dumps(task.classes),
        "channels": json.dumps(task.channels),
        "units": json.dumps(task.units),
        "rate_hz": f"{task.rate_hz:g}",
        "window": str(task.window),
        "hop": str(task.hop),
        "data_digest": dataset.digest,
        "versions": json.dumps({name: version(name) for name in ("onnx", "onnxruntime", "torch")}),
    }


def without_facts(budget: Budget, facts: Mapping[str, str]) -> Budget:
    """The budget that the search can spend: room for the stamped facts is taken off."""
    if budget.max_kb is None:
        return budget
    reserved = sum(len(name.encode()) + len(text.encode()) + FACT_BYTES for name, text in facts.items())
    return dataclasses.replace(budget, max_kb=budget.max_kb - reserved / search.KB)
