"""The file that makes a Raspberry Pi a device of the fleet, read by the agent that it is for."""

import json
from pathlib import Path

import pytest

from edge_agent import identity
from factory.errors import BadInput
from factory.fleet.enrolment import Access, bundle, write_bundle
from tests.support.keys import make_keys, signed_root

ROOT = signed_root(make_keys())


def test_the_agent_reads_what_the_factory_writes(tmp_path: Path) -> None:
    out, home = tmp_path / "pi.json", tmp_path / "agent"
    write_bundle(out, bundle("plant", "pi-1", Access("mqtt://broker:1883", "pi-1", "secret"), ROOT))
    known = identity.install(out, home, home / "agent.toml")
    assert (known.fleet, known.device, known.broker.url) == ("plant", "pi-1", "mqtt://broker:1883")
    assert (home / "root.json").exists()


def test_certificates_travel_as_text_and_what_is_not_given_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    content = bundle("plant", "pi-1", Access("mqtts://broker:8883", ca=tmp_path / "ca.pem"), ROOT)
    assert content["broker"] == {"url": "mqtts://broker:8883", "ca": "-----BEGIN CERTIFICATE-----"}


def test_a_file_that_is_not_text_is_no_certificate(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="broker ca"):
        bundle("plant", "pi-1", Access("mqtts://broker:8883", ca=tmp_path / "ca.pem"), ROOT)


def test_nothing_half_written_stays_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadInput, match="--out"):
        write_bundle(tmp_path / "taken", {"format": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_writing_again_replaces_the_file(tmp_path: Path) -> None:
    for device in ("pi-1", "pi-2"):
        write_bundle(tmp_path / "pi.json", bundle("plant", device, Access("mqtt://broker:1883"), ROOT))
    assert json.loads((tmp_path / "pi.json").read_text())["device"] == "pi-2"
    assert (tmp_path / "pi.json").stat().st_mode & 0o777 == 0o600
