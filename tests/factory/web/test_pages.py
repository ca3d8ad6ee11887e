import re
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from factory.registry import Registry
from factory.registry.rows import EventRow
from factory.web import create_app
from factory.web.app import MAX_REQUEST_BYTES
from factory.web.headers import ALWAYS, CARD_POLICY, POLICY
from tests.factory.web.conftest import NOW, PASSWORDS, Visitor
from tests.factory.web.showroom import CARD, Showroom

PAGES = ("/", "/devices/gym-north-1", "/devices/bench-zero", "/devices/new-pi", "/models", "/jobs")
NASTY = "<script>alert('x')</script>"


def flat(html: str) -> str:
    """The words of a page."""
    return re.sub(r"[ \n]+", " ", re.sub(r"<[^>]+>", " ", html))


def test_the_fleet_shows_each_device_with_what_it_runs_and_how_well(viewer: Visitor) -> None:
    words = flat(viewer.get("/").text)
    assert "6 devices 4 online 3 need a look" in words
    for name in ("bench-zero", "gym-north-1", "gym-north-2", "gym-south-1", "lab-pi-4", "new-pi"):
        assert name in words
    assert re.search(r"gym-north-1 .*? 9\d\.\d % 9\d\.\d\u20139\d\.\d % n 1\u202f680", words)
    assert "The model is slower than the device's limit" in words.replace("&#39;", "'")


def test_a_device_shows_now_desired_and_reported(viewer: Visitor) -> None:
    words = flat(viewer.get("/devices/gym-south-1").text)
    assert re.search(r"Now watch-exercises .* Desired revision 4 watch-exercises .* Reported applied revision 3", words)
    assert "62 %" in words
    assert "iio, 6 channels at 50 Hz" in words


def test_a_refusal_is_explained_with_its_cure(viewer: Visitor) -> None:
    page = viewer.get("/devices/bench-zero").text
    assert "raise <code>max_latency_us</code> on the device" in page
    assert "1.95 M MACs took 212 ms" in page


def test_a_model_shows_its_evidence_and_who_runs_it(viewer: Visitor, room: Showroom) -> None:
    words = flat(viewer.get(f"/models/{room.best.release[:8]}").text)
    for said in (
        "14.3 kB",
        "402\u202f000",
        "100 samples at 50 Hz, every 25",
        "PEN, ABD, FEL",
        "subject-4",
        "gym-north-2",
    ):
        assert said in words


def test_a_model_is_found_by_its_model_digest_too(viewer: Visitor, room: Showroom) -> None:
    assert room.best.release in viewer.get(f"/models/{room.best.model}").text


def test_a_model_whose_files_are_gone_is_shown_all_the_same(viewer: Visitor, room: Showroom) -> None:
    for digest in (room.best.manifest, room.best.card):
        assert digest
        room.registry.blobs.path(digest).unlink()
    assert viewer.get("/models").status_code == 200
    assert viewer.get(f"/models/{room.best.release}").status_code == 200
    assert viewer.get(f"/models/{room.best.release}/card").status_code == 404
    assert viewer.get("/devices/gym-north-1").status_code == 200


def test_the_card_is_served_in_a_sandbox(viewer: Visitor, room: Showroom) -> None:
    card = viewer.get(f"/models/{room.best.release}/card")
    assert card.data == CARD
    assert card.headers["Content-Security-Policy"] == CARD_POLICY
    assert CARD_POLICY.startswith("sandbox;")
    assert "script" not in CARD_POLICY


def test_a_release_without_a_card_has_none(viewer: Visitor, room: Showroom) -> None:
    room.registry.add_release(replace(room.best, release="5" * 64, card=None))
    assert viewer.get(f"/models/{'5' * 64}/card").status_code == 404
    assert "Model card" not in viewer.get(f"/models/{'5' * 64}").text


@pytest.mark.parametrize(
    "path", ["/devices/nobody", "/devices/..%2F..%2Fetc", "/models/zzz", "/models/000000", "/nowhere"]
)
def test_what_is_not_there_is_a_404_that_helps(path: str, viewer: Visitor) -> None:
    answer = viewer.get(path)
    assert answer.status_code == 404
    assert "To the fleet" in answer.text


def test_every_answer_carries_the_headers_of_caution(viewer: Visitor) -> None:
    for path in (*PAGES, "/login", "/healthz", "/nowhere", "/static/page.css"):
        with viewer.get(path) as answer:
            headers = answer.headers
        assert headers["Content-Security-Policy"] == POLICY, path
        assert {name: headers[name] for name in ALWAYS} == ALWAYS, path


def test_no_page_needs_an_inline_script_or_style_or_another_site(viewer: Visitor) -> None:
    for path in PAGES:
        page = viewer.get(path).text
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)|<style|\bstyle=|\bon[a-z]+=\"", page), path
        assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page), path


def test_no_page_uses_an_id_twice_or_a_picture_without_words_or_two_headings(viewer: Visitor) -> None:
    for path in PAGES:
        page = viewer.get(path).text
        ids = re.findall(r'\bid="([^"]+)"', page)
        assert len(ids) == len(set(ids)), path
        assert all("<title>" in svg or 'aria-hidden="true"' in svg for svg in re.findall(r"(?s)<svg.*?</svg>", page)), (
            path
        )
        assert page.count("<h1>") == 1, path


def test_the_page_is_light(viewer: Visitor) -> None:
    weight = 0
    for path in ("/devices/gym-north-1", "/static/page.css", "/static/live.js", "/static/swan.svg"):
        with viewer.get(path) as answer:
            weight += len(answer.data)
    assert weight < 100_000


def test_what_a_device_says_is_escaped(viewer: Visitor, room: Showroom) -> None:
    event = EventRow(0, "evil", NOW, NASTY, NASTY, NASTY, NASTY, "9" * 64, 9)
    assert room.registry.add_event("gym-north-1", event)
    page = viewer.get("/devices/gym-north-1").text
    assert NASTY not in page
    assert page.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == 5


def test_empty_rooms_teach_what_to_do(tmp_path: Path) -> None:
    with Registry.open(tmp_path) as registry:
        registry.add_user("vera", PASSWORDS["vera"], "viewer", NOW)
        visitor = Visitor(create_app(registry, b"key", lambda: NOW).test_client()).sign_in("vera")
        assert "factory enrol my-pi" in visitor.get("/").text
        assert "factory build --data" in visitor.get("/models").text
        assert "factory push MODEL --to my-pi" in visitor.get("/jobs").text
        registry.enrol("my-pi", "lab", NOW)
        assert "edge-agent enrol FILE" in visitor.get("/devices/my-pi").text


def test_a_push_becomes_a_job_of_who_asked(operator: Visitor, room: Showroom) -> None:
    form = {"release": room.best.release, "to": "gym", "slot": "shadow", "back": f"/models/{room.best.release}"}
    answer = operator.post("/push", **form)
    assert answer.location == form["back"]
    job = room.registry.jobs()[0]
    assert (job.kind, job.by, job.state) == ("push", "olga", "queued")
    assert job.payload == {"release": room.best.release, "to": "gym", "slot": "shadow"}
    assert f"Job {job.id} is queued" in operator.get("/jobs").text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"release": "zzz"}, "no digest"),
        ({"release": "0" * 64}, "is unknown"),
        ({"to": "gym-north-3"}, "Did you mean"),
        ({"to": ""}, "nothing was chosen"),
        ({"slot": "side"}, "no slot"),
        ({"back": "//evil.example"}, "queued"),
    ],
)
def test_a_push_that_cannot_be_is_refused_with_its_cure(
    change: dict[str, str], words: str, operator: Visitor, room: Showroom
) -> None:
    form = {"release": room.best.release, "to": "gym-north-1", "slot": "active", "back": "/jobs"} | change
    assert operator.post("/push", **form).location == "/jobs"
    assert words in operator.get("/jobs").text
    assert len(room.registry.jobs()) == (4 if words == "queued" else 3)


def test_a_request_may_not_be_large(operator: Visitor) -> None:
    assert operator.client.post("/push", data={"to": "x" * (MAX_REQUEST_BYTES + 1)}).status_code == 413


def test_health(app: Flask, visitor: Visitor, room: Showroom) -> None:
    assert visitor.get("/healthz").json == {"status": "ok", "revision": room.registry.revision()}
