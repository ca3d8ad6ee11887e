"""An enrolment makes a home the home of one device, and of no other."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from edge_agent import config, identity
from edge_agent.errors import BadConfig
from tests.support.keys import make_keys, signed_root

KEYS = make_keys(1)
PEM = {"ca": "CA", "certificate": "CERT", "key": "KEY"}


def bundle(folder: Path, **changes: Any) -> Path:
    content = {
        "format": 1,
        "fleet": "home",
        "device": "pi",
        "broker": {"url": "mqtts://broker:8883", "username": "pi", "password": "secret", **PEM},
        "root": json.loads(signed_root(KEYS)),
        **changes,
    }
    path = folder / "bundle.json"
    path.write_text(json.dumps(content))
    return path


def install(folder: Path, **changes: Any) -> identity.Identity:
    return identity.install(bundle(folder, **changes), folder / "home", folder / "agent.toml")


def test_installs_identity_trust_and_secrets(tmp_path: Path) -> None:
    known = install(tmp_path)
    home = tmp_path / "home"
    assert identity.identity(home) == known
    assert (known.fleet, known.device, known.broker.password) == ("home", "pi", "secret")
    assert identity.root(home).version == 1
    for name, text in PEM.items():
        assert (home / f"{name}.pem").read_text() == text
    for name in ("identity.json", "ca.pem", "certificate.pem", "key.pem"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    assert config.load(tmp_path / "agent.toml").home == home


def test_a_configuration_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text("mine")
    install(tmp_path)
    assert (tmp_path / "agent.toml").read_text() == "mine"


def test_enrolling_again_replaces_the_credentials(tmp_path: Path) -> None:
    install(tmp_path)
    install(tmp_path, broker={"url": "mqtt://other:1883"})
    assert identity.identity(tmp_path / "home").broker == identity.Access("mqtt://other:1883")
    assert not (tmp_path / "home" / "key.pem").exists()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "another format": ({"format": 2}, "is not what it should be"),
    "a device with a wildcard": ({"device": "pi/#"}, "Use 1 to 40 of a-z"),
    "no URL": ({"broker": {"url": "broker"}}, r"Write mqtt://HOST:PORT"),
    "a port that is none": ({"broker": {"url": "mqtt://x:99999"}}, r"Write mqtt://HOST:PORT"),
    "no root": ({"root": {}}, "holds no trustworthy root"),
    "a root that does not sign itself": (
        {"root": json.loads(signed_root(KEYS, by=(make_keys(9).root,)))},
        "holds no trustworthy root",
    ),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_a_bad_bundle_is_refused_and_leaves_nothing_behind(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadConfig, match=message):
        install(tmp_path, **changes)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.json"]


def test_a_home_of_another_device_is_left_alone(tmp_path: Path) -> None:
    install(tmp_path)
    with pytest.raises(BadConfig, match="belongs to home/pi"):
        install(tmp_path, device="other")
    assert identity.identity(tmp_path / "home").device == "pi"


def test_the_keys_never_go_back(tmp_path: Path) -> None:
    install(tmp_path, root=json.loads(signed_root(KEYS, version=3)))
    with pytest.raises(BadConfig, match="older than the one here"):
        install(tmp_path)
    assert identity.root(tmp_path / "home").version == 3


@pytest.mark.parametrize("read", [identity.identity, identity.root], ids=["identity", "root"])
def test_a_home_that_is_not_enrolled_says_what_to_do(tmp_path: Path, read: Any) -> None:
    with pytest.raises(BadConfig, match="Run `edge-agent enrol"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mqtt://h", ("h", 1883, False)),
        ("mqtts://h", ("h", 8883, True)),
        ("mqtt://127.0.0.1:7", ("127.0.0.1", 7, False)),
        ("mqtts://[::1]:9", ("::1", 9, True)),
    ],
)
def test_urls(url: str, expected: tuple[str, int, bool]) -> None:
    assert identity.check_url(url, "x") == expected
