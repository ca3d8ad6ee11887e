"""Serves the page with waitress: a thread for every event stream that may be open, and some for everything else."""

import socket
import threading
from typing import Any

from flask import Flask
from waitress.server import create_server
from waitress.wasyncore import close_all

from factory.errors import BadInput
from factory.web.app import MAX_REQUEST_BYTES
from factory.web.context import EXTENSION, MAX_STREAMS, Web

PAGE_THREADS = 8
CLOSE_S = 5.0


class Served:
    """A page that is being served, until `close`."""

    def __init__(self, server: Any, web: Web) -> None:
        self._server, self._web = server, web
        self._thread = threading.Thread(target=server.run, name="page", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where a browser on this machine finds it."""
        host = str(self._server.effective_host)
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else f"[{host}]" if ":" in host else host  # noqa: S104
        return f"http://{shown}:{self._server.effective_port}"

    def close(self) -> None:
        """Stop listening, end the open streams, wait for requests under way; safe to call twice."""
        if self._web.stopping.is_set():
            return
        self._web.stopping.set()
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=CLOSE_S)
        # Sockets belong to the server's own thread, so they are closed there; with none left its loop ends.
        self._server.trigger.pull_trigger(lambda: close_all(self._server._map, ignore_all=True))
        self._thread.join(CLOSE_S)


def serve(app: Flask, host: str, port: int) -> Served:
    """Serve an app made by `create_app`. Port 0: any free one.

    Raises:
        BadInput: the address cannot be listened on.
    """
    server = create_server(
        app,
        sockets=[_listen(host, port)],
        threads=MAX_STREAMS + PAGE_THREADS,
        ident=None,
        channel_request_lookahead=1,  # keeps reading while a stream runs, so that a closed tab is noticed at once
        max_request_body_size=MAX_REQUEST_BYTES,
    )
    return Served(server, app.extensions[EXTENSION])


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        problem = f"cannot listen there: {error.strerror}"
        raise BadInput(f"{host}:{port}", problem, "Choose another host or port") from error
