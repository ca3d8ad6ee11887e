"""What the demo measured, and where it is written."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

REPORT_NAME = "report.json"
AGREEMENT = 1e-3


@dataclass(frozen=True)
class DemoReport:
    """Held-out accuracy as the factory examined it and as the device reported it, and what the model costs."""

    factory_accuracy: float
    device_accuracy: float
    accuracy_difference: float
    windows: int
    model_kb: float
    macs: int
    latency_us_p50: float
    latency_us_p99: float
    throughput_windows_per_s: float
    push_to_first_prediction_s: float
    stage_seconds: dict[str, float]
    model_path: str

    @property
    def agrees(self) -> bool:
        """Whether the device got on the held-out people what the factory had measured."""
        return self.accuracy_difference <= AGREEMENT


def write_report(folder: Path, report: DemoReport) -> Path:
    """Write `report.json`, whole or not at all."""
    path = folder / REPORT_NAME
    draft = path.with_suffix(".draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(asdict(report), file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    return path
