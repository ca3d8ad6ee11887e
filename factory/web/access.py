"""Who may do what. Every route needs a role; a route that says nothing needs a viewer.

Rules
1. Only what is marked `public` is served to strangers.
2. A role may do all that a lesser one may: viewer, operator, admin.
3. A session ends `SESSION_S` after signing in, whatever was done in it, and with the account.
4. A stranger is led to the sign-in page, a program gets 401; a person whose role is too low gets 403.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user

from factory.registry.rows import Role, UserRow
from factory.web.context import web

SESSION_S = 12 * 3600.0
RANK: dict[Role, int] = {"viewer": 0, "operator": 1, "admin": 2}
SINCE, BY_LINK = "since", "by_link"  # keys of the session: when it began (Unix seconds), and whether by a one-time link
PROGRAMS = ("/api/", "/events")  # paths that are asked by programs

View = TypeVar("View", bound=Callable[..., Any])
_needed: dict[Callable[..., Any], Role | None] = {}


class Account:
    """A signed-in person, in the form Flask-Login asks for."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, row: UserRow) -> None:
        self.row = row

    def get_id(self) -> str:
        """What the session keeps."""
        return self.row.name


def public(view: View) -> View:
    """Mark a view that strangers may see (rule 1)."""
    _needed[view] = None
    return view


def needs(role: Role) -> Callable[[View], View]:
    """Mark a view that takes more than a viewer."""

    def mark(view: View) -> View:
        _needed[view] = role
        return view

    return mark


def may(have: Role | None, needed: Role | None) -> bool:
    """Whether a role suffices (rules 1 and 2)."""
    return needed is None or (have is not None and RANK[have] >= RANK[needed])


def install(app: Flask) -> None:
    """Guard every route of an app."""
    manager = LoginManager()
    manager.user_loader(_load)
    manager.init_app(app)
    app.before_request(_guard)
    app.context_processor(lambda: {"user": signed_in(), "may_push": may(_role(), "operator")})


def signed_in() -> UserRow | None:
    """Who asks; None for a stranger."""
    account = current_user._get_current_object() if current_user else None
    return account.row if isinstance(account, Account) else None


def sign_in(row: UserRow, by_link: bool = False) -> None:
    """Start a new session: nothing of the one before survives (no fixation)."""
    session.clear()
    session[SINCE] = web().now()
    session[BY_LINK] = by_link
    login_user(Account(row))


def sign_out() -> None:
    """End the session."""
    logout_user()
    session.clear()


def _load(name: str) -> Account | None:
    """Rule 3."""
    if web().now() - float(session.get(SINCE, 0.0)) >= SESSION_S:
        return None
    row = web().registry.user(name)
    return Account(row) if row else None


def _role() -> Role | None:
    row = signed_in()
    return row.role if row else None


def _guard() -> ResponseReturnValue | None:
    """Rules 1 and 4; an unknown address goes on to its 404."""
    if request.endpoint is None or request.endpoint == "static":
        return None
    needed = _needed.get(current_app.view_functions[request.endpoint], "viewer")
    if may(_role(), needed):
        return None
    if _role() is not None:
        abort(403, f"This takes the role {needed}. Ask an admin of this factory.")
    if request.path.startswith(PROGRAMS):
        abort(401, "Sign in first.")
    came_for = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("accounts.login", next=came_for))
