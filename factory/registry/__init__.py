"""What the factory remembers: blobs by their SHA-256, and everything else as rows of an SQL database.

`Registry.open(home)` gives a registry on SQLite, `Registry.open(home, url)` one on PostgreSQL. It takes and returns the
frozen rows of `rows.py`. What a method has written is on disk when it returns; a process may be killed at any point.
"""

from factory.registry.blobs import BlobStore
from factory.registry.registry import Registry

__all__ = ["BlobStore", "Registry"]
