"""The demo: the whole loop as one command, and whatever is killed on its way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.registry import Registry
from tests.support.demo import DEVICE, Demo, child_of, kill
from tests.support.recordings import write_recordings

KEYS = {
    "factory_accuracy",
    "device_accuracy",
    "windows",
    "model_kb",
    "macs",
    "latency_us_p50",
    "latency_us_p99",
    "push_to_first_prediction_s",
    "stage_seconds",
    "model_path",
}


def has_a_trial(registry: Registry) -> bool:
    return any(registry.trials(study.key) for study in registry.studies())


def has_a_release(registry: Registry) -> bool:
    return bool(registry.releases())


def is_online(registry: Registry) -> bool:
    return any(device.online for device in registry.devices())


def has_counted(windows: int) -> Callable[[Registry], bool]:
    def moment(registry: Registry) -> bool:
        return any(totals.n >= windows for totals in registry.totals(DEVICE)) if registry.devices() else False

    return moment


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    data = tmp_path_factory.mktemp("data") / "people.npz"
    write_recordings(data)
    return ("--data", str(data), "--trials", "2", "--minutes", "4", "--speed", "60", "--port", "0")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, options: tuple[str, ...]) -> dict[str, object]:
    demo = Demo(tmp_path_factory.mktemp("undisturbed") / "demo", options)
    state = demo.end_state(demo.run())
    assert state["runs"]
    return state


@pytest.mark.slow
def test_on_real_recordings_device_and_factory_agree_and_beat_crude_features(tmp_path: Path) -> None:
    report = Demo(tmp_path / "demo", ("--trials", "4", "--port", "0", "--speed", "200")).run()
    assert report.keys() >= KEYS
    assert abs(report["factory_accuracy"] - report["device_accuracy"]) <= 1e-3
    assert min(report["factory_accuracy"], report["device_accuracy"]) > 0.80
    assert report["windows"] > 500
    assert report["model_kb"] <= 64
    assert Path(report["model_path"]).is_file()


@pytest.mark.slow
def test_a_factory_killed_at_every_stage_ends_in_the_same_state(
    tmp_path: Path, options: tuple[str, ...], undisturbed: dict[str, object]
) -> None:
    demo = Demo(tmp_path / "demo", options)
    for moment in (has_a_trial, has_a_release, is_online, has_counted(20)):
        with demo.started() as process:
            demo.await_moment(moment, process)
            kill(process.pid)
    assert demo.end_state(demo.run()) == undisturbed


@pytest.mark.slow
def test_agent_and_broker_killed_again_and_again_end_in_the_same_state(
    tmp_path: Path, options: tuple[str, ...], undisturbed: dict[str, object]
) -> None:
    demo = Demo(tmp_path / "demo", options)
    with demo.started() as process:
        for moment, victim in (
            (is_online, "edge_agent"),
            (is_online, "iotcore"),
            (has_counted(10), "edge_agent"),
            (has_counted(30), "iotcore"),
            (has_counted(50), "edge_agent"),
        ):
            demo.await_moment(moment, process)
            kill(child_of(process.pid, victim))
        report: dict[str, Any] = demo.report(process)
    assert demo.end_state(report) == undisturbed


@pytest.mark.slow
def test_a_demo_that_is_done_is_done_again_at_once(
    tmp_path: Path, options: tuple[str, ...], undisturbed: dict[str, object]
) -> None:
    demo = Demo(tmp_path / "demo", options)
    first = demo.run()
    second = demo.run()
    assert demo.end_state(second) == demo.end_state(first) == undisturbed
    assert second["push_to_first_prediction_s"] == first["push_to_first_prediction_s"]
    assert second["stage_seconds"]["build"] < 2


def test_two_demos_in_one_folder_do_not_get_in_each_others_way(tmp_path: Path, options: tuple[str, ...]) -> None:
    demo = Demo(tmp_path / "demo", options)
    with demo.started() as first:
        demo.await_moment(lambda registry: bool(registry.studies()), first)
        with demo.started() as second:
            assert second.wait(60) == 2
    assert "another demo runs in" in demo.home.with_suffix(".log").read_text()
