"""The order of the rooms: `produce` turns an order into a signed release, `evaluate` measures a model made before."""

from factory.pipeline.produce import Built, Order, built_from, evaluate, produce

__all__ = ["Built", "Order", "built_from", "evaluate", "produce"]
