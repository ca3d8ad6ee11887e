"""Choosing a password: at first, after a one-time link, and whenever one likes.

Rules
1. Whoever came by a one-time link need not know the password so far; everybody else must.
2. Wrong guesses of the password so far are counted as at the door (`accounts`).
3. With the new password a new session begins, which is not one by link any more.
"""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from factory.errors import BadInput
from factory.web.access import BY_LINK, sign_in, signed_in
from factory.web.accounts import MAX_FIELD, count_failure, wait_s
from factory.web.context import web

blueprint = Blueprint("passwords", __name__)


@blueprint.get("/account/password")
def choose() -> ResponseReturnValue:
    """The form."""
    return _form()


@blueprint.post("/account/password")
def change() -> ResponseReturnValue:
    """Replace the password."""
    user = signed_in()
    assert user is not None, "access.py lets nobody else through"
    current, wanted = (request.form.get(name, "")[:MAX_FIELD] for name in ("current", "wanted"))
    if wait_s(user.name) > 0:
        return _form("Too many attempts. Try again in a few minutes."), 429
    if not session.get(BY_LINK) and web().registry.check_password(user.name, current) is None:
        count_failure(user.name)
        return _form("The password so far is wrong."), 403
    if wanted != request.form.get("again", "")[:MAX_FIELD]:
        return _form("The two new passwords differ."), 422
    try:
        web().registry.set_password(user.name, wanted)
    except BadInput as error:
        return _form(str(error)), 422
    sign_in(user)
    flash("From now on, your new password opens this page.", "good")
    return redirect(url_for("pages.fleet"))


def _form(problem: str | None = None) -> str:
    return render_template("password.html", problem=problem, by_link=bool(session.get(BY_LINK)))
