"""`factory push`: ask the running service to bring a model to devices, and watch it arrive."""

import argparse
import getpass
import time
from pathlib import Path

from factory.config import load_config
from factory.console import Console
from factory.errors import BadInput, FactoryError, Unavailable
from factory.registry import Registry
from factory.registry.rows import JobRow, ReleaseRow
from protocol import chunks

POLL_S = 0.2


def run(options: argparse.Namespace, console: Console) -> int:
    """Submit the push; unless told otherwise, wait for its end."""
    config = load_config(options.home)
    with Registry.open(config.home, config.database.url) as registry:
        release = _release(registry, options.model)
        names = ", ".join(device.name for device in registry.targets(options.to))
        payload = {"release": release.release, "to": options.to, "slot": "active"}
        job = registry.submit("push", payload, getpass.getuser(), time.time())
        console.say(f"Push {job.id}: {release.name} ({release.release[:12]}) to {names}")
        if not options.no_wait:
            with console.stage("Waiting for the devices"):
                job = _follow(registry, job, options.timeout_s)
    console.result({"job": job.id, "state": job.state, **(job.result or {})}, f"Push {job.id}")
    return 0


def _release(registry: Registry, model: str) -> ReleaseRow:
    """The release of a model file, or of a digest's beginning."""
    path = Path(model)
    if not path.is_file():
        return registry.release(model)
    try:
        return registry.release(chunks.digest(path.read_bytes()))
    except BadInput as error:
        raise BadInput(
            "MODEL",
            f"{model} is in no release of this factory",
            "Build it here first: only signed models can be pushed",
        ) from error


def _follow(registry: Registry, job: JobRow, timeout_s: float) -> JobRow:
    """Wait until a push has ended.

    Raises:
        FactoryError: it failed; the message says on which device and why.
        Unavailable: no service has carried it out in time.
    """
    until = time.monotonic() + timeout_s
    while job.state in {"queued", "running"}:
        if time.monotonic() > until:
            waiting = "no `factory serve` has taken it up" if job.state == "queued" else "it is still under way"
            raise Unavailable(f"push {job.id}: {waiting} after {timeout_s:.0f} s; it stays in the queue")
        time.sleep(POLL_S)
        job = registry.job(job.id)
    if job.state == "failed":
        raise FactoryError(f"push {job.id} failed: {job.error}")
    return job
