"""Makes the operator page. It holds no state of its own and trains nothing.

It reads the registry and writes requests into it, so it may be stopped at any time and two of it may run."""

import time
from collections.abc import Callable

from flask import Flask, g, render_template, request
from flask.sessions import SecureCookieSessionInterface
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from factory.errors import Unavailable
from factory.registry import Registry
from factory.web import access, accounts, api, fmt, headers, live, pages, passwords
from factory.web.context import EXTENSION, Web, web

MAX_REQUEST_BYTES = 64 * 1024  # no form here is larger
COOKIE = "cygnet"


class Sessions(SecureCookieSessionInterface):
    """Sessions in a signed cookie, sent over TLS only where the page itself came over TLS."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002  (Flask calls it so)
        """Whether the browser must never send the cookie in clear."""
        return request.is_secure


def create_app(registry: Registry, secret_key: bytes, now: Callable[[], float] = time.time) -> Flask:
    """The operator page on a registry.

    `secret_key` signs the session cookies: 32 random bytes that outlive the process, or each start signs everybody out.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secret_key,
        SESSION_COOKIE_NAME=COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=MAX_REQUEST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session: the page is kept open all day
    )
    app.session_interface = Sessions()
    app.extensions[EXTENSION] = Web(registry, now)
    CSRFProtect(app)
    access.install(app)
    headers.install(app)
    for room in (pages, accounts, passwords, api, live):
        app.register_blueprint(room.blueprint)
    _teach_templates(app)
    app.register_error_handler(HTTPException, _explain)
    app.register_error_handler(Unavailable, lambda error: _explain(ServiceUnavailable(str(error))))
    return app


def _teach_templates(app: Flask) -> None:
    """The filters, and what every page says of itself."""
    app.jinja_env.filters.update(fmt.FILTERS)
    app.jinja_env.filters["ago"] = lambda ts: fmt.ago(ts, web().now())
    app.jinja_env.filters["interval"] = lambda measured: fmt.interval(measured.low, measured.high)
    app.jinja_env.filters["span"] = lambda pair: fmt.interval(*pair)
    app.jinja_env.filters["code"] = _code
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.context_processor(lambda: {"now": web().now(), "revision": g.get("revision")})


def _code(text: str) -> Markup:
    """Text with what stands between backquotes as code; all of it escaped."""
    parts = text.split("`")
    return Markup().join(Markup("<code>{}</code>").format(part) if odd % 2 else part for odd, part in enumerate(parts))


def _explain(error: Exception) -> ResponseReturnValue:
    """An error as the asker can read it: JSON for a program, a page for a person."""
    assert isinstance(error, HTTPException)
    code = error.code or 500
    if request.path.startswith(access.PROGRAMS):
        return {"error": {"code": code, "name": error.name, "message": error.description}}, code
    return render_template("error.html", error=error), code
