"""Opening a registry: where it comes to be, how it is set, and what is refused."""

import stat
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from factory.errors import BadInput, Unavailable
from factory.registry import Registry, tables
from factory.registry.engine import FILE_NAME
from tests.contracts.registry import Place


def test_a_home_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "a" / "50% new home"
    Registry.open(home).close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {path.name for path in home.iterdir()} == {"blobs", FILE_NAME, "registry.lock"}


def test_a_commit_on_sqlite_waits_for_the_disk_and_keys_are_checked(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.open().close()
    with place.database() as db:
        settings = {name: db.execute(text(f"PRAGMA {name}")).scalar_one() for name in ("journal_mode", "synchronous")}
        with pytest.raises(IntegrityError):
            db.execute(tables.login_links.insert().values(token_sha256="0" * 64, user="nobody", expires=1.0))
    assert settings == {"journal_mode": "wal", "synchronous": 2}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        pytest.param("no url, password=secret", "is not a database URL", id="no URL"),
        pytest.param("mysql://host/db", "mysql is not supported", id="another database"),
        pytest.param("sqlite:///file.db", "sqlite is not supported", id="SQLite by URL"),
    ],
)
def test_a_url_is_refused_that_is(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(BadInput, match=rf"^registry url: .*{why}.* postgresql\+psycopg://") as refused:
        Registry.open(tmp_path / "home", url)
    assert "secret" not in str(refused.value)
    assert not (tmp_path / "home").exists(), "nothing is left behind"


def test_a_server_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="did not answer"):
        Registry.open(tmp_path, f"postgresql://nobody@/nowhere?host={tmp_path}")


def test_a_file_that_is_no_registry_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"holiday pictures" * 100)
    with pytest.raises(BadInput, match=f"{FILE_NAME} is no registry"):
        Registry.open(tmp_path)
    assert (tmp_path / FILE_NAME).read_bytes() == b"holiday pictures" * 100
