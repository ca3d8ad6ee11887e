"""Architectures as JSON values, and back. Whatever is not exactly what `encode` writes is refused."""

from collections.abc import Mapping
from typing import Any

import msgspec

from factory.architectures import Architecture, Autoencoder, Convnet, Density, Kernels, Trees
from factory.errors import BadInput

TYPES: dict[str, type[Architecture]] = {
    "convnet": Convnet,
    "kernels": Kernels,
    "trees": Trees,
    "density": Density,
    "autoencoder": Autoencoder,
}
FAMILY = "family"


def family_of(architecture: Architecture) -> str:
    """The name of its family."""
    return next(name for name, kind in TYPES.items() if isinstance(architecture, kind))


def encode(architecture: Architecture) -> dict[str, Any]:
    """An architecture as JSON values."""
    return {FAMILY: family_of(architecture), **msgspec.to_builtins(architecture)}


def decode(encoded: Mapping[str, object]) -> Architecture:
    """The architecture that `encode` wrote.

    Raises:
        BadInput: it is none; the text names the field.
    """
    family = encoded.get(FAMILY)
    if not isinstance(family, str) or family not in TYPES:
        raise _refused(f"the family {family!r} is none of {', '.join(TYPES)}")
    fields = {name: value for name, value in encoded.items() if name != FAMILY}
    try:
        architecture: Architecture = msgspec.convert(fields, TYPES[family])
    except msgspec.ValidationError as error:
        raise _refused(str(error)) from error
    if unknown := sorted(_names(fields) - _names(msgspec.to_builtins(architecture))):
        raise _refused(f"unknown field {', '.join(unknown)}")
    return architecture


def _names(value: object, path: str = "") -> set[str]:
    """The names of all fields, however deep."""
    if isinstance(value, Mapping):
        inner = [_names(each, f"{path}.{name}" if path else str(name)) for name, each in value.items()]
    elif isinstance(value, list | tuple):
        inner = [_names(each, f"{path}[{index}]") for index, each in enumerate(value)]
    else:
        inner = []
    return {path}.union(*inner)


def _refused(problem: str) -> BadInput:
    return BadInput("architecture", problem, "Use an architecture as `factory build` writes it")
