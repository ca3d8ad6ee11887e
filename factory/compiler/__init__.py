"""Compiler: trained weights in, one self-contained ONNX file out.

`compile_model` makes a `Compiled`; `answers` and `latency` ask one through onnxruntime as a device does, `scores` says
how good the answers are; `stamp` writes facts into a file.
"""

from factory.compiler.compile import Reference, compile_model
from factory.compiler.scores import Scores, scores
from factory.compiler.session import Answerer, answers, latency
from factory.compiler.stamp import facts_of, stamp

__all__ = ["Answerer", "Reference", "Scores", "answers", "compile_model", "facts_of", "latency", "scores", "stamp"]
