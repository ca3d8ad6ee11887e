"""The page on a real registry: furnished once, copied for each test, with a clock that only the test moves."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from factory.registry import Registry
from factory.web import create_app
from factory.web.access import SINCE
from tests.factory.web.showroom import Showroom, furnish

NOW = 1_780_000_000.0
PASSWORDS = {"vera": "a viewer's password", "olga": "an operator's password", "ada": "an admin's password"}
ROLES = {"vera": "viewer", "olga": "operator", "ada": "admin"}


@dataclass
class Clock:
    """Time that a test moves."""

    t: float = NOW

    def __call__(self) -> float:
        return self.t


@dataclass
class Visitor:
    """A browser without a screen: keeps its cookies and reads the token of the page it is on."""

    client: FlaskClient

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **options)

    def post(self, path: str, **form: str) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(), **form})

    def post_json(self, path: str, body: object) -> TestResponse:
        return self.client.post(path, json=body, headers={"X-CSRFToken": self.token()})

    def token(self) -> str:
        page = self.client.get("/login", follow_redirects=True).text
        found = re.search(r'name="csrf-token" content="([^"]+)"', page)
        assert found
        return found.group(1)

    def sign_in(self, name: str) -> "Visitor":
        answer = self.post("/login", name=name, password=PASSWORDS[name])
        assert answer.status_code == 302, answer.text
        return self

    def as_if_signed_in(self, name: str) -> "Visitor":
        """The same without the half second that checking a password is made to take."""
        with self.client.session_transaction() as session:
            session.update({"_user_id": name, SINCE: NOW})
        return self


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Showroom]:
    """A home with the showroom and three people in it. Not for writing."""
    home = tmp_path_factory.mktemp("furnished")
    with Registry.open(home) as registry:
        room = furnish(registry, NOW)
        for name, password in PASSWORDS.items():
            registry.add_user(name, password, ROLES[name], NOW)
    return home, room


@pytest.fixture
def room(furnished: tuple[Path, Showroom], tmp_path: Path) -> Iterator[Showroom]:
    """The showroom in a registry of the test's own."""
    home, seen = furnished
    shutil.copytree(home, tmp_path / "home")
    with Registry.open(tmp_path / "home") as registry:
        yield Showroom(registry, seen.now, seen.best, seen.large, seen.old)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(room: Showroom, clock: Clock) -> Flask:
    return create_app(room.registry, b"not so secret in a test", clock)


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    """A stranger."""
    return Visitor(app.test_client())


@pytest.fixture
def viewer(visitor: Visitor) -> Visitor:
    return visitor.as_if_signed_in("vera")


@pytest.fixture
def operator(visitor: Visitor) -> Visitor:
    return visitor.as_if_signed_in("olga")
