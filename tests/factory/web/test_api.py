import json

from tests.factory.web.conftest import Visitor
from tests.factory.web.showroom import Showroom


def get(visitor: Visitor, path: str) -> dict[str, object]:
    answer = visitor.get(f"/api/v1/{path}")
    assert answer.status_code == 200

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    found: dict[str, object] = json.loads(answer.text, parse_constant=refuse)
    return found


def test_devices_tell_plain_numbers(viewer: Visitor) -> None:
    rows = get(viewer, "devices")["devices"]
    assert isinstance(rows, list)
    north = {row["name"]: row for row in rows}["gym-north-1"]
    assert north["presence"] == "online"
    assert 0.91 < north["measured"]["low"] < north["measured"]["accuracy"] < north["measured"]["high"] < 0.95
    assert north["measured"]["n_labelled"] == 1680
    assert {row["name"]: row for row in rows}["new-pi"]["latency"] is None


def test_a_device(viewer: Visitor) -> None:
    device = get(viewer, "devices/bench-zero")["device"]
    assert isinstance(device, dict)
    assert device["row"]["advice"]["code"] == "too_slow"
    assert device["steps"][0]["reason"] == "too_slow"


def test_releases(viewer: Visitor, room: Showroom) -> None:
    rows = get(viewer, "releases")["releases"]
    assert isinstance(rows, list)
    assert [row["release"] for row in rows] == [room.best.release, room.large.release, room.old.release]
    one = get(viewer, f"releases/{room.best.release[:8]}")
    assert one["facts"]["macs"] == 402_000  # type: ignore[index]  # fails loudly where it is none


def test_jobs(viewer: Visitor) -> None:
    rows = get(viewer, "jobs")["jobs"]
    assert isinstance(rows, list)
    assert [row["state"] for row in rows] == ["running", "done", "failed"]


def test_errors_are_json_too(viewer: Visitor) -> None:
    for path, status in (("devices/nobody", 404), ("releases/zzz", 404), ("nothing", 404)):
        answer = viewer.get(f"/api/v1/{path}")
        assert answer.status_code == status
        assert answer.json is not None
        assert answer.json["error"]["code"] == status


def test_a_push(operator: Visitor, room: Showroom) -> None:
    answer = operator.post_json("/api/v1/push", {"release": room.best.release[:10], "to": "lab"})
    assert answer.status_code == 202
    assert answer.json is not None
    assert room.registry.job(answer.json["job"]["id"]).payload == {
        "release": room.best.release,
        "to": "lab",
        "slot": "active",
    }


def test_a_push_that_cannot_be(operator: Visitor, room: Showroom) -> None:
    bodies: list[tuple[object, int]] = [
        ({}, 422),
        ({"release": 5, "to": "lab"}, 422),
        ({"release": room.best.release, "to": ["lab"]}, 422),
        ({"release": room.best.release, "to": "lab", "slot": {"a": 1}}, 422),
        ([1, 2], 400),
        ("push", 400),
    ]
    for body, status in bodies:
        assert operator.post_json("/api/v1/push", body).status_code == status, body
    assert len(room.registry.jobs()) == 3
