"""What a spectrum is for: sounds of unlike strength, told apart by faint overtones, in windows that are half empty."""

import numpy as np

from factory import training
from factory.architectures import Block, Convnet, FrontEnd, Head, Spectrum
from factory.artifacts import Float32, Int64
from factory.compiler import Reference, answers, compile_model
from factory.training import Lesson

TIME = 512
OVERTONES = (0.2, 0.3, 0.4)  # cycles a sample
FAINT = 0.03  # of the tone they come with


def sounds(n: int, seed: int) -> tuple[Float32, Int64]:
    rng = np.random.default_rng(seed)
    t, y = np.arange(TIME), rng.integers(0, len(OVERTONES), n)
    tones = np.sin(2 * np.pi * (rng.uniform(0.03, 0.06, (n, 1)) * t + rng.random((n, 1))))
    overtones = np.sin(2 * np.pi * (np.array(OVERTONES)[y][:, None] * t + rng.random((n, 1))))
    X = rng.uniform(0.2, 2.0, (n, 1)) * (tones + FAINT * overtones)
    X[t >= rng.integers(TIME // 2, TIME, (n, 1))] = np.nan
    return X[:, :, None].astype(np.float32), y


def test_faint_overtones_are_learned_and_survive_int8() -> None:
    (X, y), (X_new, y_new) = sounds(192, 0), sounds(150, 1)
    front = FrontEnd(spectrum=Spectrum(64, 32, 12, level=True))
    architecture = Convnet(TIME, 1, len(OVERTONES), (), front, (Block(8, 3), Block(8, 3, 2)), Head())
    trained = training.train(architecture, Lesson(X, y), seed=0, epochs=30)
    reference = Reference(X, X_new, training.answers(trained, X_new))
    compiled = compile_model(trained, "int8", reference)
    assert (answers(compiled.onnx, X_new).argmax(1) == y_new).mean() > 0.95
