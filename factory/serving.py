"""Everything `factory serve` runs, in one process: the embedded broker where no other is named, the fleet service, the
operator page.

The three share nothing but the registry. Each may be killed and started again; a service that ends in an error ends
the process, so that whatever supervises it starts it afresh.
"""

import contextlib
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from factory import operate, web
from factory.config import EMBEDDED, FactoryConfig, WebConfig
from factory.errors import FactoryError, Unavailable
from factory.fleet.broker import EmbeddedBroker
from factory.registry import Registry
from factory.release import Keyring

log = logging.getLogger(__name__)

FIRST_ADMIN = "admin"
LOGIN_LINK_VALID_S = 24 * 3600.0
SECRET_NAME = "web.secret"  # noqa: S105  (the name of the file that holds it)


@dataclass
class Serving:
    """The running factory.

    `watch` is to be called from time to time: it starts a dead broker again and notices a dead service.
    """

    broker_url: str
    page_url: str
    broker: EmbeddedBroker | None
    service: threading.Thread

    def watch(self) -> None:
        """Keep the parts alive.

        Raises:
            FactoryError: the service has ended; the log says why.
        """
        if self.broker is not None:
            self.broker.ensure()
        if not self.service.is_alive():
            raise FactoryError("the fleet service has ended; see the log above, then start the factory again")


@contextlib.contextmanager
def serving(config: FactoryConfig, registry: Registry, keyring: Keyring) -> Iterator[Serving]:
    """Run broker, service and page until the block ends.

    Raises:
        Unavailable: a port is taken.
    """
    stop = threading.Event()
    with contextlib.ExitStack() as stack:
        broker = (
            stack.enter_context(EmbeddedBroker(config.broker.port, config.home))
            if config.broker.url == EMBEDDED
            else None
        )
        broker_url = broker.url if broker is not None else config.broker.url
        link = operate.open_link(config, broker_url)
        stack.callback(link.close)
        service = operate.Service(config, registry, keyring, link)
        thread = threading.Thread(target=service.run, args=(stop,), name="fleet-service", daemon=True)
        thread.start()
        stack.callback(thread.join, 5)
        stack.callback(stop.set)
        page = web.serve(web.create_app(registry, _secret(config.home)), config.web.host, config.web.port)
        stack.callback(page.close)
        yield Serving(broker_url, page.url, broker, thread)


def admin_link(registry: Registry, page_url: str) -> str:
    """A one-time link that signs in the first administrator, who is made here where nobody is known yet."""
    if not registry.users():
        registry.add_user(FIRST_ADMIN, secrets.token_urlsafe(32), "admin", time.time())
    return f"{page_url}/login/link/{registry.make_login_link(FIRST_ADMIN, time.time(), LOGIN_LINK_VALID_S)}"


def page_on(config: FactoryConfig, host: str | None, port: int | None) -> FactoryConfig:
    """The same configuration, with the page where the command line wants it."""
    wanted = WebConfig(host or config.web.host, port or config.web.port)
    return replace(config, web=wanted)


def on_free_ports(config: FactoryConfig) -> FactoryConfig:
    """The same configuration, with other ports where the wanted ones are taken."""
    return replace(
        config,
        broker=replace(config.broker, port=_free_port(config.broker.port)),
        web=replace(config.web, port=_free_port(config.web.port)),
    )


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise Unavailable("no port is free on 127.0.0.1")


def _secret(home: Path) -> bytes:
    """The key that signs the page's sessions; made once, so that a restart signs nobody out."""
    path = home / SECRET_NAME
    with contextlib.suppress(FileExistsError):
        draft = home / f".{SECRET_NAME}.{os.getpid()}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        finally:
            draft.unlink()
    return path.read_bytes()
