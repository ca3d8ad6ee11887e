"""The factory's long-running service: takes in what devices tell, carries out what people ask, keeps devices told.

Rules
1. All state is in the registry. The service may be killed at any instant; started again, it goes on from there.
2. Jobs are claimed with a lease and are safe to do twice: a half-done push is recognised by the documents it has
   already written.
3. After the broker has forgotten us, everything that devices rely on is published again.
4. Labels are sent until the device confirms them.
5. A desired document is signed again before it runs out.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from factory.config import FactoryConfig
from factory.errors import BadInput, Unavailable
from factory.fleet import delivery, push
from factory.fleet.inbox import Inbox
from factory.fleet.link import Connected, Incoming, Link, LinkSettings, Outgoing
from factory.registry import Registry
from factory.registry.rows import DesiredRow, DeviceRow, JobRow
from factory.release import Keyring
from protocol import chunks, codec
from protocol.topics import DeviceTopics, ingest
from protocol.trust import FileRef

log = logging.getLogger(__name__)

TAKE_S = 0.1  # how long one step waits for a message
JOBS_EVERY_S = 0.25
LABELS_EVERY_S = 0.5
RENEW_EVERY_S = 60.0
RETRY_S = 1.0


class Service:
    """One factory's service; two of them on one registry share the jobs but need different client ids at the broker."""

    def __init__(
        self,
        config: FactoryConfig,
        registry: Registry,
        keyring: Keyring,
        link: Link,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config, self._registry, self._keyring, self._link, self._clock = config, registry, keyring, link, clock
        self._inbox = Inbox(registry, config.fleet)
        self._worker = f"{socket.gethostname()}/{os.getpid()}"
        self._held: Incoming | Connected | None = None
        self._pushes: dict[int, JobRow] = {}
        self._label_sent: dict[tuple[str, str], float] = {}
        self._due = dict.fromkeys(("jobs", "labels", "renew"), 0.0)

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; what does not answer in time is asked again, any other failure ends the service."""
        while not stop.is_set():
            try:
                self.step()
            except Unavailable as error:
                log.warning("%s; trying again", error)
                stop.wait(RETRY_S)

    def step(self) -> None:
        """Take in what came, then do what is due."""
        self._take_in()
        if self._is_due("jobs", JOBS_EVERY_S):
            self._claim_jobs()
            self._follow_pushes()
        if self._link.is_up and self._is_due("labels", LABELS_EVERY_S):
            self._send_labels()
        if self._is_due("renew", RENEW_EVERY_S):
            self._renew_documents()

    def _take_in(self) -> None:
        """Everything that has come; what could not be stored is held and comes first the next time."""
        self._held = self._held or self._link.take(TAKE_S)
        while self._held is not None:
            if isinstance(self._held, Connected):
                self._on_connected(self._held)
            else:
                self._on_message(self._held)
            self._held = self._link.take(0)

    def _on_connected(self, connected: Connected) -> None:
        """Rule 3."""
        if not connected.session_present:
            for device in self._registry.devices():
                self._publish(delivery.announce(self._registry, self._config.fleet, device.name))
        self._label_sent.clear()

    def _on_message(self, message: Incoming) -> None:
        answers = self._inbox.take(message.topic, message.payload, self._clock())
        self._link.acknowledge(message)
        self._publish(answers)

    def _claim_jobs(self) -> None:
        while job := self._registry.claim(self._worker, self._clock(), self._config.limits.job_lease_s):
            if job.kind == "push":
                self._pushes[job.id] = job
            else:
                self._registry.fail(job.id, f"this factory knows no job of kind {job.kind!r}", self._clock())

    def _follow_pushes(self) -> None:
        for job in list(self._pushes.values()):
            try:
                ended = self._advance(job)
            except BadInput as error:
                self._registry.fail(job.id, str(error), self._clock())
                ended = True
            if ended:
                del self._pushes[job.id]

    def _advance(self, job: JobRow) -> bool:
        """One look at one push (rule 2); whether it is over."""
        now = self._clock()
        self._registry.renew(job.id, self._worker, now + self._config.limits.job_lease_s)
        release = self._registry.release(str(job.payload["release"]))
        wanted = push.Push(
            release.release,
            "shadow" if job.payload.get("slot") == "shadow" else "active",
            job.created,
            self._config.limits.push_timeout_s,
        )
        devices = self._registry.targets(str(job.payload["to"]))
        for device in devices:
            if push.needs_document(wanted, device):
                slots = dict(device.desired.slots) if device.desired else {}
                self._tell(device, {**slots, wanted.slot: wanted.release}, job.by)
        steps = [push.progress(wanted, self._registry.device(device.name), now) for device in devices]
        if not push.over(steps):
            return False
        bad = [step for step in steps if step.reach is not push.Reach.REACHED]
        if bad:
            self._registry.fail(job.id, "; ".join(f"{step.device}: {step.text}" for step in bad), now)
        else:
            self._registry.finish(job.id, {"devices": [step.device for step in steps]}, now)
        return True

    def _tell(self, device: DeviceRow, slots: dict[str, str], by: str) -> None:
        """Sign, store and publish a new desired document for one device."""
        now = self._clock()
        expires = datetime.fromtimestamp(now, UTC) + timedelta(days=self._config.limits.desired_valid_days)
        refs = {slot: self._file_ref(release) for slot, release in slots.items()}
        rev = push.next_rev(device)
        document = self._keyring.sign_desired(self._config.fleet, device.name, rev, expires, refs)
        row = DesiredRow(
            rev=rev,
            document=document,
            document_sha256=chunks.digest(document),
            slots=slots,
            expires=expires.timestamp(),
            requested=now,
            by=by,
        )
        self._registry.set_desired(device.name, row)
        self._publish(delivery.announce(self._registry, self._config.fleet, device.name))

    def _file_ref(self, release: str) -> FileRef:
        row = self._registry.release(release)
        return FileRef(row.release, row.release_length)

    def _send_labels(self) -> None:
        """Rule 4."""
        now, resend_s, sent = self._clock(), self._config.limits.label_resend_s, {}
        for device in self._registry.devices():
            topic = DeviceTopics(self._config.fleet, device.name).of("label")
            for label in self._registry.pending_labels(device.name) if device.online else ():
                key = (device.name, label.label_id)
                sent[key] = self._label_sent.get(key, 0.0)
                if now - sent[key] >= resend_s:
                    sent[key] = now
                    self._publish([Outgoing(topic, codec.encode(label))])
        self._label_sent = sent  # what is confirmed is forgotten

    def _renew_documents(self) -> None:
        """Rule 5."""
        margin = self._config.limits.desired_valid_days * 86_400 / 3
        for device in self._registry.devices():
            if device.desired is not None and device.desired.expires - self._clock() < margin:
                self._tell(device, dict(device.desired.slots), device.desired.by)

    def _publish(self, messages: Iterable[Outgoing]) -> None:
        for message in messages:
            self._link.publish(message)

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_s
        return True


def open_link(config: FactoryConfig, url: str) -> Link:
    """The service's link to the broker at `url`, with the credentials of the configuration."""
    broker = config.broker

    def file(name: str | None) -> "os.PathLike[str] | None":
        return None if name is None else config.home / name

    password = None if broker.password_file is None else (config.home / broker.password_file).read_text().strip()
    settings = LinkSettings(
        url=url,
        client_id=f"{config.fleet}.factory",
        username=broker.username,
        password=password,
        ca=file(broker.ca),  # type: ignore[arg-type]
        certificate=file(broker.certificate),  # type: ignore[arg-type]
        key=file(broker.key),  # type: ignore[arg-type]
    )
    return Link(settings, ingest(config.fleet))
