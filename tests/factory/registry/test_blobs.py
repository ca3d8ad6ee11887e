"""Blobs: whole or absent, and never believed without their digest."""

import hashlib
import threading
from pathlib import Path

import pytest

from factory.errors import BadInput
from factory.registry import BlobStore


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "home" / "blobs")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_got_by_its_digest(blobs: BlobStore, tmp_path: Path) -> None:
    sha256 = blobs.put(b"model")
    assert sha256 == hashlib.sha256(b"model").hexdigest()
    assert (blobs.get(sha256), blobs.has(sha256)) == (b"model", True)
    assert blobs.path(sha256) == tmp_path / "home" / "blobs" / sha256[:2] / sha256
    assert BlobStore(tmp_path / "home" / "blobs").get(sha256) == b"model"


def test_putting_twice_leaves_one_file(blobs: BlobStore, tmp_path: Path) -> None:
    first = blobs.path(blobs.put(b"model"))
    written = first.stat().st_ino
    assert blobs.path(blobs.put(b"model")).stat().st_ino == written, "it was not written again"
    assert files(tmp_path) == [first]


def test_many_may_put_the_same_bytes_at_once(blobs: BlobStore, tmp_path: Path) -> None:
    blob, start = bytes(500_000), threading.Barrier(8)

    def put() -> None:
        start.wait()
        blobs.put(blob)

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (only,) = files(tmp_path)
    assert blobs.get(only.name) == blob


@pytest.mark.parametrize("damage", [b"", b"mode", b"model!", b"mOdel"], ids=["emptied", "cut", "grown", "flipped"])
def test_a_damaged_file_is_noticed_and_mended_by_putting_again(blobs: BlobStore, damage: bytes) -> None:
    sha256 = blobs.put(b"model")
    blobs.path(sha256).write_bytes(damage)
    with pytest.raises(BadInput, match="is damaged"):
        blobs.get(sha256)
    blobs.put(b"model")
    assert blobs.get(sha256) == b"model"


@pytest.mark.parametrize("name", ["0" * 64, "", "..", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_there_is_no_blob_of_another_name(blobs: BlobStore, name: str) -> None:
    blobs.put(b"model")
    assert not blobs.has(name)
    with pytest.raises(KeyError):
        blobs.get(name)
    with pytest.raises(KeyError):
        blobs.path(name)


def test_a_put_that_fails_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"model").hexdigest()
    (tmp_path / "home" / "blobs" / sha256[:2] / sha256).mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        blobs.put(b"model")
    assert files(tmp_path) == []
