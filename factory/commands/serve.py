"""`factory serve`: the fleet service and the operator page."""

import argparse
import signal
import threading

from factory.config import EMBEDDED, load_config
from factory.console import Console
from factory.registry import Registry
from factory.release import Keyring
from factory.serving import admin_link, page_on, serving

WATCH_EVERY_S = 1.0


def run(options: argparse.Namespace, console: Console) -> int:
    """Serve until told to end, by Ctrl-C or by whatever supervises it."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    config = page_on(load_config(options.home), options.host, options.port)
    with Registry.open(config.home, config.database.url) as registry:
        keyring = Keyring.open(config.home / "keys", console.now())
        with serving(config, registry, keyring) as running:
            console.say(f"Operator page: {running.page_url}")
            if options.login_link or not registry.users():
                console.say(f"Sign in, once, with: {admin_link(registry, running.page_url)}")
            note = " (embedded: loopback only, no passwords)" if config.broker.url == EMBEDDED else ""
            console.say(f"Broker: {running.broker_url}{note}")
            while not stop.wait(WATCH_EVERY_S):
                running.watch()
    return 0
