"""The two classes of an anomaly task, whatever the labels of its data are called.

Rules
1. The classes are `CLASSES`, first what is normal.
2. Normal is what `normal` in the task file names; without it the label "normal", or the only label there is.
3. Every other label is an anomaly; what is unlabelled stays so. Data may well have no anomalies at all.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from factory.artifacts import Recording
from factory.data.source import nearest
from factory.errors import BadInput

CLASSES = ("normal", "anomaly")


def judged(
    recordings: Sequence[Recording], classes: Sequence[str], normal: Sequence[str] | None
) -> tuple[Recording, ...]:
    """Recordings whose labels index into `CLASSES` in place of `classes`.

    Raises:
        BadInput: it is not said what is normal, or no label is called so.
    """
    chosen = _normal(classes) if normal is None else normal
    for name in chosen:
        if name not in classes:
            raise BadInput("task.normal", f"no sample is labelled {name!r}", nearest(name, classes))
    # One more entry than there are classes, so that -1 (unlabelled) finds -1 at the end.
    side = np.array([*(int(name not in chosen) for name in classes), -1], dtype=np.int64)
    return tuple(replace(recording, labels=side[recording.labels]) for recording in recordings)


def _normal(classes: Sequence[str]) -> tuple[str, ...]:
    """Rule 2."""
    found = tuple(name for name in classes if name.strip().lower() == CLASSES[0])
    if found or len(classes) == 1:
        return found or tuple(classes)
    problem = f"nothing says which of the labels {', '.join(classes) or '(none)'} are normal"
    raise BadInput(
        "task.normal", problem, f"Name them, for example normal = [{classes[0]!r}]" if classes else "Label it"
    )
