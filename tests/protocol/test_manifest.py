"""The manifest: one byte form, sizes checked before memory is spent, nothing unknown lost."""

import base64
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import manifest
from protocol.errors import Malformed
from tests.support.wire import JSON, small_manifest

RAW: dict[str, Any] = json.loads(manifest.encode(small_manifest()))


def wire(**changes: Any) -> bytes:
    """The small manifest on the wire, with fields replaced; `golden` and `model` are merged into."""
    merged = {
        name: {**RAW[name], **value} if name in ("golden", "model") and isinstance(value, dict) else value
        for name, value in changes.items()
    }
    return json.dumps({**RAW, **merged}).encode()


def floats(*values: float) -> str:
    return manifest.pack(np.array(values, np.float32))


def test_a_manifest_comes_back_equal_with_unknown_fields_at_every_depth() -> None:
    first = manifest.decode(wire(model={"npu": {"tops": 4}}, golden={"note": "x"}, colour=[1, {"a": None}]))
    again = json.loads(manifest.encode(first))
    assert again["model"]["npu"] == {"tops": 4}
    assert again["golden"]["note"] == "x"
    assert again["colour"] == [1, {"a": None}]
    assert manifest.decode(manifest.encode(first)) == first


def test_golden_vectors_come_back_as_they_were_packed() -> None:
    windows, answers = manifest.golden_vectors(small_manifest())
    assert windows.shape == (1, 2, 1)
    assert windows.ravel().tolist() == [0.5, -2.0]
    assert answers.tolist() == [[0.25, 0.75]]


def test_a_missing_sample_travels_as_nan() -> None:
    windows, _ = manifest.golden_vectors(manifest.decode(wire(golden={"windows": floats(np.nan, 1.0)})))
    assert np.isnan(windows.ravel()).tolist() == [True, False]


def test_a_regression_has_one_answer_a_window_and_needs_no_classes() -> None:
    made = manifest.decode(wire(task="regression", classes=[], golden={"answers": floats(1.5)}))
    assert manifest.golden_vectors(made)[1].tolist() == [[1.5]]


HOSTILE = {
    "not JSON": b"{",
    "a list": b"[]",
    "a rate of infinity": json.dumps({**RAW, "rate_hz": float("inf")}).encode(),
    "a rate of 1e999": json.dumps(RAW).replace('"rate_hz": 50.0', '"rate_hz": 1e999').encode(),
    "a rate of nought": wire(rate_hz=0),
    "a rate no sensor has": wire(rate_hz=1e300),
    "a window of nought samples": wire(window=0),
    "a window of 10**9 samples that nobody sent": wire(window=10**9),
    "sizes whose product wraps around to nought in 64 bits": wire(
        window=2**29, golden={"n": 2**29, "windows": ""}, channels=[f"c{i}" for i in range(64)], units=[""] * 64,
    ),
    "a size of 30 digits": wire(window=10**30),
    "a size that is a fraction": wire(window=1.5),
    "golden windows that are not base64": wire(golden={"windows": "*" * 12}),
    "golden windows with letters outside ASCII": wire(golden={"windows": "ää=="}),
    "golden windows that are no whole number of floats": wire(golden={"windows": base64.b64encode(b"abc").decode()}),
    "one golden number too few": wire(golden={"windows": floats(1.0)}),
    "one golden number too many": wire(golden={"windows": floats(1.0, 2.0, 3.0)}),
    "no golden window": wire(golden={"n": 0, "windows": "", "answers": ""}),
    "a golden answer of NaN, which every answer would pass": wire(golden={"answers": floats(np.nan, 0.5)}),
    "a golden answer of infinity": wire(golden={"answers": floats(np.inf, 0.5)}),
    "a tolerance of nought": wire(golden={"tolerance": 0}),
    "golden vectors in a list": wire(golden=[]),
    "a unit too few": wire(units=[]),
    "no channel": wire(channels=[], units=[]),
    "a channel twice": wire(channels=["x", "x"], units=["g", "g"]),
    "a class twice": wire(classes=["rest", "rest"]),
    "a classification of one class": wire(classes=["rest"], golden={"answers": floats(1.0)}),
    "a line break in the name of a class": wire(classes=["rest", "squat\n"]),
    "a control character in a unit": wire(units=["m\x07"]),
    "a dict in the place of the channels": wire(channels={"acc_x": 1}),
    "a task that does not exist": wire(task="poetry"),
    "a digest that climbs out of its folder": wire(model={"sha256": "../" * 21 + "a"}),
    "more bytes than a manifest may have": wire(evidence={"x": "y" * manifest.MAX_MANIFEST_BYTES}),
}  # fmt: skip


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_manifest_is_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed):
        manifest.decode(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_or_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed):
        manifest.decode(payload)


@given(st.sampled_from(sorted(RAW)), JSON)
def test_any_value_in_any_field_is_a_manifest_or_malformed(name: str, value: Any) -> None:
    try:
        made = manifest.decode(json.dumps({**RAW, name: value}).encode())
    except Malformed:
        return
    assert manifest.decode(manifest.encode(made)) == made


@given(st.sampled_from(("model", "golden")), st.data())
def test_any_value_in_any_inner_field_is_a_manifest_or_malformed(part: str, data: st.DataObject) -> None:
    name, value = data.draw(st.sampled_from(sorted(RAW[part]))), data.draw(JSON)
    try:
        made = manifest.decode(json.dumps({**RAW, part: {**RAW[part], name: value}}).encode())
    except Malformed:
        return
    assert manifest.decode(manifest.encode(made)) == made


def test_a_manifest_its_reader_would_refuse_is_not_written() -> None:
    golden = {"n": 2, "windows": floats(1.0), "answers": floats(1.0), "tolerance": 0.1}
    with pytest.raises(Malformed):
        manifest.encode(small_manifest(golden=golden))
    with pytest.raises(Malformed):
        manifest.encode(small_manifest(evidence={"x": "y" * manifest.MAX_MANIFEST_BYTES}))


def test_an_anomaly_task_is_answered_like_a_classification_of_two() -> None:
    made = manifest.decode(wire(task="anomaly"))
    assert made.answered == ("rest", "squat")
    assert manifest.golden_vectors(made)[1].tolist() == [[0.25, 0.75]]
    assert manifest.OUTPUT_NAMES["anomaly"] == "probabilities"


@pytest.mark.parametrize("classes", [[], ["normal"], ["normal", "worn", "cracked"]], ids=len)
def test_an_anomaly_task_has_two_classes(classes: list[str]) -> None:
    with pytest.raises(Malformed, match="first what is normal"):
        manifest.decode(wire(task="anomaly", classes=classes))
