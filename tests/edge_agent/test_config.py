"""A configuration is read whole, and what is wrong in it is named with its cure."""

from pathlib import Path

import pytest

from edge_agent import config
from edge_agent.errors import BadConfig

GOOD = '[agent]\nhome = "home"\n[sensor]\nkind = "replay"\nfile = "x.npz"\n[limits]\nmax_latency_us = 50000\n'


def load(folder: Path, text: str) -> config.Config:
    path = folder / "agent.toml"
    path.write_text(text)
    return config.load(path)


def test_a_good_one(tmp_path: Path) -> None:
    loaded = load(tmp_path, GOOD)
    assert loaded.home == tmp_path / "home"
    assert loaded.sensor == {"kind": "replay", "file": "x.npz"}
    assert loaded.limits.max_latency_us == 50_000
    assert loaded.limits.max_model_bytes == config.Limits().max_model_bytes
    assert loaded.report.every_s == 1.0


def test_an_absolute_home_stays_where_it_is(tmp_path: Path) -> None:
    assert load(tmp_path, '[agent]\nhome = "/var/lib/cygnet"').home == Path("/var/lib/cygnet")


def test_the_starter_is_a_good_one(tmp_path: Path) -> None:
    loaded = load(tmp_path, config.STARTER.format(home='"/x"'))
    assert (loaded.home, loaded.sensor["kind"], loaded.limits) == (Path("/x"), "replay", config.Limits())


BAD = {
    "no home": ("[agent]", r"agent\.home: is missing\. Add it to the \[agent\] table"),
    "a key with a slip": ("[agent]\nhom = 1", r"agent\.hom: is not a known key\. Did you mean home"),
    "a table with a slip": ('[agent]\nhome="x"\n[limit]', r"limit: is not a known key\. Did you mean limits"),
    "a key like no other": ('[agent]\nhome="x"\n[report]\nzzz=1', r"report\.zzz.*Known keys: every_s"),
    "a limit with a slip": (GOOD + "max_model_byte = 1", r"limits\.max_model_byte.*Did you mean max_model_bytes"),
    "text for a number": (GOOD + 'max_model_bytes = "4 MB"', r"limits\.max_model_bytes: '4 MB' does not fit"),
    "a limit of zero": (GOOD + "max_model_bytes = 0", r"limits\.max_model_bytes: 0 is not above zero"),
    "a value for a table": ("agent = 3", r"agent: 3 is not a table"),
    "no TOML": ("[agent", r"is not TOML"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
def test_a_bad_one(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        load(tmp_path, text)


def test_none_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read: No such file"):
        config.load(tmp_path / "absent.toml")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(BadConfig, match="is not TOML"):
        config.load(tmp_path / "agent.toml")
