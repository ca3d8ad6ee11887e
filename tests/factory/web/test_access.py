"""Every route for everybody: found by looking, so that a new route cannot go unguarded."""

import pytest
from flask import Flask

from factory.web.access import SESSION_S
from factory.web.context import EXTENSION, FAILURES_PER_ADDRESS, FAILURES_PER_NAME, LOGIN_WINDOW_S
from tests.factory.web.conftest import NOW, PASSWORDS, Clock, Visitor
from tests.factory.web.showroom import Showroom

OPEN = {"/login", "/login/link/<token>", "/healthz", "/logout", "/static/<path:filename>"}
OPERATORS = {"/push", "/api/v1/push"}


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) & {"GET", "POST", "PUT", "PATCH", "DELETE"}
    }


def filled(rule: str, room: Showroom) -> str:
    values = {"<name>": "gym-north-1", "<ref>": room.best.release, "<token>": "x", "<path:filename>": "page.css"}
    for hole, value in values.items():
        rule = rule.replace(hole, value)
    return rule


def status(visitor: Visitor, method: str, rule: str, room: Showroom) -> int:
    path = filled(rule, room)
    if method == "GET":
        answer = visitor.client.get(path, buffered=False)
        answer.close()
        return answer.status_code
    wanted = {"release": room.best.release, "to": "gym-north-1", "slot": "active"}
    answer = visitor.post_json(path, wanted) if path.startswith("/api/") else visitor.post(path, **wanted)
    return answer.status_code


def test_there_are_routes_to_guard(app: Flask) -> None:
    rules = {rule for _, rule in routes(app)}
    assert rules >= OPEN | OPERATORS | {
        "/",
        "/devices/<name>",
        "/models/<ref>/card",
        "/jobs",
        "/events",
        "/api/v1/jobs",
    }


def test_a_stranger_sees_nothing_but_the_door(app: Flask, visitor: Visitor, room: Showroom) -> None:
    for method, rule in routes(app):
        if rule in OPEN:
            continue
        expected = 401 if rule.startswith(("/api/", "/events")) else 302
        assert status(visitor, method, rule, room) == expected, (method, rule)
    assert len(room.registry.jobs()) == 3


@pytest.mark.parametrize("name", ["vera", "olga", "ada"])
def test_each_role_may_do_what_it_may(name: str, app: Flask, visitor: Visitor, room: Showroom) -> None:
    visitor.sign_in(name)
    app.extensions[EXTENSION].stopping.set()
    for method, rule in sorted(routes(app) - {(m, r) for m, r in routes(app) if r in OPEN}):
        found = status(visitor, method, rule, room)
        if rule in OPERATORS and name == "vera":
            assert found == 403, (method, rule)
        else:
            assert found in ({403} if (method, rule) == ("POST", "/account/password") else {200, 202, 302}), (
                method,
                rule,
            )
    assert len(room.registry.jobs()) == (3 if name == "vera" else 5)


def test_a_viewer_sees_no_button_that_would_be_refused(viewer: Visitor) -> None:
    page = viewer.get("/devices/gym-north-1").text
    assert "may look but not push" in page
    assert 'action="/push"' not in page


def test_a_stranger_is_led_back_to_what_he_came_for(visitor: Visitor) -> None:
    asked = visitor.get("/devices/gym-north-1?a=b")
    assert asked.location == "/login?next=/devices/gym-north-1?a%3Db"
    page = visitor.get(asked.location).text
    assert 'name="next" value="/devices/gym-north-1?a=b"' in page
    entered = visitor.post("/login", name="vera", password=PASSWORDS["vera"], next="/devices/gym-north-1?a=b")
    assert entered.location == "/devices/gym-north-1?a=b"


def test_nobody_is_led_to_another_site(visitor: Visitor) -> None:
    assert 'name="next" value="/"' in visitor.get("/login?next=//evil.example").text
    entered = visitor.post("/login", name="vera", password=PASSWORDS["vera"], next="https://evil.example")
    assert entered.location == "/"


def test_a_host_header_cannot_bend_a_redirect(visitor: Visitor) -> None:
    answer = visitor.get("/", headers={"Host": "evil.example"})
    assert answer.location == "/login?next=/"


def test_a_session_ends(viewer: Visitor, clock: Clock) -> None:
    clock.t = NOW + SESSION_S - 1
    assert viewer.get("/").status_code == 200
    clock.t = NOW + SESSION_S
    assert viewer.get("/").status_code == 302
    assert viewer.get("/api/v1/devices").status_code == 401


def test_signing_out_ends_it_too(viewer: Visitor) -> None:
    assert viewer.post("/logout").status_code == 302
    assert viewer.get("/").status_code == 302


def test_signing_in_starts_a_new_session(visitor: Visitor) -> None:
    before = visitor.token()
    visitor.sign_in("vera")
    assert visitor.client.post("/logout", data={"csrf_token": before}).status_code == 400


def test_the_cookie_is_not_for_scripts_nor_for_other_sites(visitor: Visitor) -> None:
    cookie = visitor.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    over_tls = visitor.client.get("/login", base_url="https://localhost").headers["Set-Cookie"]
    assert "Secure" in over_tls


@pytest.mark.parametrize(
    ("name", "password"),
    [("vera", "wrong"), ("nobody", "wrong"), ("", ""), ("vera", ""), ("v" * 5000, "p" * 5000), ("ve\0ra", "\ud83d")],
)
def test_what_was_wrong_is_never_told(name: str, password: str, visitor: Visitor) -> None:
    answer = visitor.client.post(
        "/login",
        data={
            "csrf_token": visitor.token(),
            "name": name.encode("utf-8", "replace"),
            "password": password[:0] or "wrong",
        },
    )
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert visitor.get("/").status_code == 302


def test_guessing_is_slowed_down_even_for_the_right_password(visitor: Visitor, clock: Clock) -> None:
    for _ in range(FAILURES_PER_NAME):
        assert visitor.post("/login", name="vera", password="wrong").status_code == 401
    locked = visitor.post("/login", name="vera", password=PASSWORDS["vera"])
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) == LOGIN_WINDOW_S
    clock.t += LOGIN_WINDOW_S
    visitor.sign_in("vera")


def test_guessing_many_names_is_slowed_down_too(app: Flask, visitor: Visitor, clock: Clock) -> None:
    for _ in range(FAILURES_PER_ADDRESS):
        app.extensions[EXTENSION].addresses.failed(("127.0.0.1",), clock())
    assert visitor.post("/login", name="vera", password=PASSWORDS["vera"]).status_code == 429
    assert visitor.post("/login/link/x").status_code == 429


def test_reading_a_link_does_not_use_it_up_and_pressing_its_button_does(
    visitor: Visitor, room: Showroom, app: Flask
) -> None:
    path = f"/login/link/{room.registry.make_login_link('ada', NOW, 600)}"
    for _ in range(3):
        assert visitor.get(path).status_code == 200
    assert visitor.get("/").status_code == 302
    assert visitor.post(path).location == "/account/password"
    assert visitor.get("/").status_code == 200
    other = Visitor(app.test_client())
    assert other.post(path).status_code == 410
    assert other.get("/").status_code == 302


def test_an_expired_link_opens_nothing(visitor: Visitor, room: Showroom, clock: Clock) -> None:
    path = f"/login/link/{room.registry.make_login_link('ada', NOW, 600)}"
    clock.t = NOW + 600
    assert visitor.post(path).status_code == 410


@pytest.mark.parametrize("path", ["/push", "/login", "/logout", "/api/v1/push", "/login/link/x"])
def test_no_post_without_the_token(path: str, operator: Visitor, room: Showroom) -> None:
    wanted = {"release": room.best.release, "to": "gym-north-1"}
    assert operator.client.post(path, data=wanted).status_code == 400
    assert operator.client.post(path, json=wanted, headers={"X-CSRFToken": "forged"}).status_code == 400
    assert len(room.registry.jobs()) == 3
