"""A study's trials for other tools: tables, and Optuna's own storage."""

from factory.export.table import FORMATS, write_table

__all__ = ["FORMATS", "write_table"]
