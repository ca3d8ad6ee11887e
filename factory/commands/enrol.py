"""`factory enrol`: the file that makes a Raspberry Pi a device of this fleet."""

import argparse
import time
from pathlib import Path

from factory.config import EMBEDDED, FactoryConfig, load_config
from factory.console import Console
from factory.errors import BadInput
from factory.fleet.enrolment import Access, bundle, write_bundle
from factory.registry import Registry
from factory.release import Keyring


def run(options: argparse.Namespace, console: Console) -> int:
    """Write the enrolment file and know the device from now on."""
    config = load_config(options.home)
    out: Path = options.out or Path(f"{options.device}.enrolment.json")
    with Registry.open(config.home, config.database.url) as registry:
        keyring = Keyring.open(config.home / "keys", console.now())
        device = registry.enrol(options.device, options.group, time.time())
        write_bundle(out, bundle(config.fleet, device.name, _access(options, config), keyring.root_document))
    console.result({"device": device.name, "group": device.group, "file": str(out)}, f"Enrolled {device.name}")
    console.say(f"Copy {out.name} to the device and run there: edge-agent enrol {out.name} --home /var/lib/cygnet")
    return 0


def _access(options: argparse.Namespace, config: FactoryConfig) -> Access:
    """How the device reaches the broker, from the command line and the factory's own settings."""
    embedded = f"mqtt://127.0.0.1:{config.broker.port}"
    url = options.broker or (embedded if config.broker.url == EMBEDDED else config.broker.url)
    ca = options.ca or (config.home / config.broker.ca if config.broker.ca else None)
    password = None if options.password_file is None else _password(options.password_file)
    return Access(url, options.username, password, ca, options.certificate, options.key)


def _password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(
            "--password-file", f"{path} cannot be read", "Name a text file that holds the password"
        ) from error
