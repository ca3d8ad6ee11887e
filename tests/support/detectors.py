"""Detectors of anomalies for tests: one of every kind, trained for a moment."""

from dataclasses import replace

import numpy as np

from factory import training
from factory.architectures import Autoencoder, Density, Detector, FrontEnd, Spectrum
from factory.artifacts import Float32, Trained
from factory.training import anomaly

RAW = FrontEnd()
BANDS = FrontEnd(spectrum=Spectrum(8, 4, 3))


def detectors(time: int, channels: int) -> dict[str, Detector]:
    """By name; all that windows of this size can have."""
    shape = (time, channels, 2, ())
    found: dict[str, Detector] = {
        "density of level and spread": Density(*shape, RAW),
        "density of three states": Density(*shape, RAW, middles=3),
        "density of level": Density(*shape, RAW, spread=False),
        "density of spread": Density(*shape, RAW, level=False),
        "density of bands": Density(*shape, BANDS, spread=False),
        "density of bands and how they change": Density(*shape, BANDS),
        "autoencoder": Autoencoder(*shape, RAW, (8, 4), 5),
        "deep autoencoder": Autoencoder(*shape, RAW, (8, 6, 3), 3),
        "autoencoder of one layer": Autoencoder(*shape, RAW, (4,), 7),
    }
    return found


def taught(detector: Detector, X: Float32, epochs: int = 20) -> Trained:
    """A detector that knows half of these windows as normal, and has its threshold from the other half."""
    half = len(X) // 2
    trained = training.train(detector, training.Lesson(X[:half], np.zeros(half, np.int64)), 0, epochs)
    return replace(trained, weights={**trained.weights, **anomaly.limits(anomaly.scores(trained, X[half:]))})
