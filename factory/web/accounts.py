"""Signing in, by password or by a one-time link, and signing out.

Rules
1. What was wrong is never told: name and password are wrong together.
2. Whoever fails too often from one address waits (`throttle`), for one name or for many.
3. A one-time link opens the door only when its button is pressed: programs that preview links only read them.
4. Signing out takes a button too, so that no foreign page can do it.
"""

import math

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from factory.web.access import public, sign_in, sign_out, signed_in
from factory.web.addresses import safe_path
from factory.web.context import web

MAX_FIELD = 200  # characters of a name or password; more is not worth hashing

blueprint = Blueprint("accounts", __name__)


@blueprint.get("/login")
@public
def login() -> ResponseReturnValue:
    """The form."""
    wanted = safe_path(request.args.get("next"), url_for("pages.fleet"))
    return redirect(wanted) if signed_in() else _form(wanted)


@blueprint.post("/login")
@public
def enter() -> ResponseReturnValue:
    """Check name and password (rules 1 and 2)."""
    name, password = request.form.get("name", "")[:MAX_FIELD], request.form.get("password", "")[:MAX_FIELD]
    wanted = safe_path(request.form.get("next"), url_for("pages.fleet"))
    left_s = wait_s(name)
    if left_s > 0:
        problem = f"Too many attempts. Try again in {math.ceil(left_s / 60)} min."
        return _form(wanted, name, problem), 429, {"Retry-After": str(math.ceil(left_s))}
    row = web().registry.check_password(name, password)
    if row is None:
        count_failure(name)
        return _form(wanted, name, "Name or password is wrong."), 401
    web().names.succeeded(_key(name))
    sign_in(row)
    return redirect(wanted)


@blueprint.get("/login/link/<token>")
@public
def link(token: str) -> ResponseReturnValue:
    """The button (rule 3)."""
    return render_template("link.html", token=token)


@blueprint.post("/login/link/<token>")
@public
def redeem(token: str) -> ResponseReturnValue:
    """Use the link up."""
    if wait_s("") > 0:
        return render_template("link.html", problem="Too many attempts. Try again in a few minutes."), 429
    row = web().registry.redeem_login_link(token, web().now())
    if row is None:
        count_failure("")
        return render_template("link.html", problem="This link has expired or was used before."), 410
    sign_in(row, by_link=True)
    return redirect(url_for("passwords.choose"))


@blueprint.post("/logout")
@public
def logout() -> ResponseReturnValue:
    """Rule 4."""
    sign_out()
    return redirect(url_for("accounts.login"))


def _form(wanted: str, name: str = "", problem: str | None = None) -> str:
    return render_template("login.html", next=wanted, name=name, problem=problem)


def _key(name: str) -> tuple[str, str]:
    return name, request.remote_addr or ""


def wait_s(name: str) -> float:
    """How long this name, or this address, has to wait (rule 2)."""
    now = web().now()
    return max(web().names.wait_s(_key(name), now), web().addresses.wait_s(_key(name)[1:], now))


def count_failure(name: str) -> None:
    """Rule 2."""
    now = web().now()
    web().names.failed(_key(name), now)
    web().addresses.failed(_key(name)[1:], now)
