"""Facts about a model inside the model: `metadata_props`, sorted, so that the same facts give the same bytes."""

from collections.abc import Mapping

import onnx
from google.protobuf.message import DecodeError
from onnx import helper


def stamp(onnx_bytes: bytes, facts: Mapping[str, str]) -> bytes:
    """The model with exactly these facts in its `metadata_props`."""
    model = onnx.ModelProto.FromString(onnx_bytes)
    model.ClearField("metadata_props")
    helper.set_model_props(model, dict(sorted(facts.items())))
    return serialise(model)


def facts_of(onnx_bytes: bytes) -> dict[str, str]:
    """The facts stamped into a model.

    Raises:
        ValueError: these bytes are no ONNX file.
    """
    try:
        model = onnx.ModelProto.FromString(onnx_bytes)
    except DecodeError as error:
        raise ValueError("not an ONNX file") from error
    return {entry.key: entry.value for entry in model.metadata_props}


def serialise(model: onnx.ModelProto) -> bytes:
    """The one byte form of a model."""
    blob: bytes = model.SerializeToString(deterministic=True)
    return blob
