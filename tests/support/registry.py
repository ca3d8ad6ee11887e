"""Releases for tests that need one in a registry: small, and whole as far as a registry looks."""

import hashlib

import numpy as np

from factory.registry import Registry
from factory.registry.rows import ReleaseRow
from protocol import manifest
from protocol.manifest import Golden, Manifest, ModelFacts

CLASSES = ("rest", "walk", "run")


def make_manifest(model: bytes, classes: tuple[str, ...] = CLASSES) -> Manifest:
    """The manifest of a classifier of 4 samples of one channel."""
    windows, answers = np.zeros((1, 4, 1)), np.full((1, len(classes)), 1 / len(classes))
    return Manifest(
        name="gait",
        task="classification",
        classes=classes,
        channels=("x",),
        units=("m/s2",),
        rate_hz=50.0,
        window=4,
        hop=2,
        data_digest="0" * 64,
        created=1.0,
        model=ModelFacts(
            sha256=hashlib.sha256(model).hexdigest(),
            length=len(model),
            precision="fp32",
            opset=17,
            ir=8,
            operators=("Gemm",),
            parameters=3,
            macs=12,
            peak_activation_bytes=28,
            latency_us_p50=10.0,
        ),
        golden=Golden(n=1, windows=manifest.pack(windows), answers=manifest.pack(answers), tolerance=1e-3),
    )


def make_release(
    registry: Registry, model: bytes = b"a model", classes: tuple[str, ...] = CLASSES, created: float = 1.0
) -> ReleaseRow:
    """A release of these bytes as its model, not yet in the index; its blobs are in place."""
    manifest_bytes = manifest.encode(make_manifest(model, classes))
    document = b"a release of " + model
    return ReleaseRow(
        release=registry.blobs.put(document),
        release_length=len(document),
        manifest=registry.blobs.put(manifest_bytes),
        manifest_length=len(manifest_bytes),
        model=registry.blobs.put(model),
        model_length=len(model),
        name="gait",
        task="gait",
        precision="fp32",
        created=created,
        evidence={"accuracy": 0.875, "accuracy_by_group": {"ada": 1.0}},
        card=None,
        study="study-1",
    )


def add_release(
    registry: Registry, model: bytes = b"a model", classes: tuple[str, ...] = CLASSES, created: float = 1.0
) -> ReleaseRow:
    """The same, in the index."""
    row = make_release(registry, model, classes, created)
    registry.add_release(row)
    return row
