"""What passwords cost, and what a registry keeps of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import select, update

from factory.registry import Registry, tables, users
from tests.contracts.registry import Place

PASSWORD = "correct horse battery"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "factory")


@pytest.fixture
def registry(place: Place) -> Iterator[Registry]:
    with place.open() as opened:
        opened.add_user("ada", PASSWORD, "admin", now=1.0)
        yield opened


def stored_hash(place: Place) -> str:
    with place.database() as db:
        password: str = db.execute(select(tables.users.c.password)).scalar_one()
    return password


class CountingHasher(PasswordHasher):
    """Counts how often Argon2 has run."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.runs += 1
        return super().hash(password, salt=salt)

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002  (its name in argon2)
        self.runs += 1
        return super().verify(hash, password)


@pytest.mark.parametrize("name", ["ada", "nobody", "\0"], ids=["a wrong password", "an unknown name", "no name at all"])
def test_the_same_work_is_done_for(registry: Registry, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    hasher = CountingHasher()
    monkeypatch.setattr(users, "_hasher", hasher)
    assert registry.check_password(name, "a wrong password") is None
    assert hasher.runs == 1


def test_nothing_of_a_password_or_a_login_token_is_kept_in_the_clear(registry: Registry, place: Place) -> None:
    token = registry.make_login_link("ada", now=1.0, valid_s=60.0)
    registry.close()
    kept = b"".join(path.read_bytes() for path in place.home.rglob("*") if path.is_file())
    assert b"$argon2id$" in kept
    assert PASSWORD.encode() not in kept
    assert token.encode() not in kept


def test_a_hash_of_older_parameters_is_renewed_when_its_owner_signs_in(registry: Registry, place: Place) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with place.database() as db:
        db.execute(update(tables.users).values(password=weak))
    assert registry.check_password("ada", "a wrong password") is None
    assert stored_hash(place) == weak
    assert registry.check_password("ada", PASSWORD) is not None
    assert extract_parameters(stored_hash(place)) == extract_parameters(PasswordHasher().hash("any"))
    assert registry.check_password("ada", PASSWORD) is not None
