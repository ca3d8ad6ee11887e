"""The commands as a person types them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.agent import AgentProcess, command
from tests.support.broker import free_port
from tests.support.factory import SimulatedFactory
from tests.support.stream import stream

MakeAgent = Callable[..., AgentProcess]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["run", "--help"], ["enrol", "--help"], ["doctor", "--help"]], ids=str
)
def test_help(arguments: list[str]) -> None:
    done = command(arguments)
    assert "usage: edge-agent" in done.stdout


def test_help_teaches_by_example() -> None:
    assert "edge-agent enrol pi-07.json --home /var/lib/cygnet" in command(["--help"]).stdout


def test_what_is_wrong_is_one_line_and_status_2(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text('[agent]\nhome = "h"\n[sensr]\n')
    for arguments in (["run", "agent.toml"], ["run", "absent.toml"], ["enrol", "absent.json", "--home", "h"]):
        done = command([str(tmp_path / one) if one.count(".") else one for one in arguments], check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("edge-agent: ")
        assert done.stderr.count("\n") == 1


def test_a_device_that_is_not_enrolled_is_told_so(tmp_path: Path) -> None:
    stream(100).save(tmp_path / "replay.npz")
    (tmp_path / "home").mkdir()
    (tmp_path / "agent.toml").write_text('[agent]\nhome = "home"\n[sensor]\nkind = "replay"\nfile = "replay.npz"\n')
    done = command(["run", str(tmp_path / "agent.toml")], check=False)
    assert done.returncode == 2
    assert "Run `edge-agent enrol" in done.stderr


def findings(agent: AgentProcess) -> tuple[int, dict[str, dict[str, str]]]:
    done = command(["doctor", str(agent.config), "--json"], check=False)
    told = json.loads(done.stdout)
    assert told["exit_status"] == done.returncode
    return done.returncode, {one["check"]: one for one in told["findings"]}


def test_doctor_finds_a_fit_device_fit(make_agent: MakeAgent) -> None:
    status, found = findings(make_agent(stream(100)))
    assert {name: one["fitness"] for name, one in found.items()} == dict.fromkeys(found, "ok")
    assert status == 0
    assert "ax, ay, az at 50 Hz" in found["sensor"]["found"]


def test_doctor_says_what_to_do(make_agent: MakeAgent) -> None:
    agent = make_agent(stream(100))
    agent.sensor["file"] = "absent.npz"
    agent.configure()
    with agent.config.open("a") as file:
        file.write(f'[broker]\nurl = "mqtt://127.0.0.1:{free_port()}"\n')
    (agent.home / "root.json").write_text("{}")
    status, found = findings(agent)
    assert status == 2
    assert {name for name, one in found.items() if one["fitness"] == "failure"} == {"sensor", "broker", "trust"}
    assert all(one["cure"] for one in found.values() if one["fitness"] != "ok")
    table = command(["doctor", str(agent.config)], check=False).stdout
    assert "FAIL  broker" in table


def test_doctor_of_a_configuration_that_is_none(tmp_path: Path) -> None:
    done = command(["doctor", str(tmp_path / "absent.toml")], check=False)
    assert done.returncode == 2
    assert "onnxruntime" in done.stdout
    assert "FAIL  configuration" in done.stdout


def test_the_broker_of_the_configuration_overrides_that_of_the_enrolment(
    factory: SimulatedFactory, make_agent: MakeAgent
) -> None:
    agent = make_agent(stream(100))
    bundle = json.loads((agent.home / "bundle.json").read_text())
    bundle["broker"]["url"] = f"mqtt://127.0.0.1:{free_port()}"
    (agent.home / "bundle.json").write_text(json.dumps(bundle))
    command(["enrol", str(agent.home / "bundle.json"), "--home", str(agent.home)])
    with agent.config.open("a") as file:
        file.write(f'[broker]\nurl = "{factory.url}"\n')
    with agent:
        factory.live_until(lambda: bool(factory.births))
