"""The agent's whole life.

It listens to the factory, brings its slots to what is wanted of them, reads its sensor, predicts, counts, and tells
the factory what came of it. All of it can be killed at any instant: everything that matters is on disk before anybody
is told (crash-only; Candea and Fox, 2003), so a start after a crash and a start after a stop are the same.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from edge_agent import identity as identities
from edge_agent import lifecycle, link, report, runtime, sensors, trusted
from edge_agent.blobs import Blobs
from edge_agent.config import Config
from edge_agent.courier import Courier
from edge_agent.delivery import Delivery
from edge_agent.errors import AgentError, BadConfig, LinkLost, RunnerFailed
from edge_agent.install import Installer, Tools
from edge_agent.link import Connected, Incoming, Link
from edge_agent.outbox import Outbox
from edge_agent.scoring import Scoring
from edge_agent.sensing import Hooks, Sensing
from edge_agent.slots import SlotStore
from protocol import codec
from protocol.errors import Malformed
from protocol.messages import Label, LabelReceipt, Receipt, Slot
from protocol.topics import DeviceTopics

log = logging.getLogger(__name__)

LABELS_IN_RECEIPT = 500
MAX_REFUSALS_TOLD = 50  # different desired documents that were ignored, since the start


async def run(config: Config, stop: asyncio.Event) -> None:
    """Live until `stop` is set.

    Raises:
        BadConfig: the configuration, the enrolment or this machine does not allow it.
        AgentError: something inside has ended that must not.
    """
    with locked(config.home):
        agent = Agent(config, await fit_device(config))
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (
                    agent.hear,
                    agent.installer.run,
                    agent.sensing.run,
                    agent.courier.run,
                    agent.count,
                    agent.watch,
                ):
                    tasks.create_task(part())
                agent.link.start()
                tasks.create_task(_until(stop))
        except* _Stopped:
            log.info("stopping")
        finally:
            await agent.close()


async def fit_device(config: Config) -> trusted.Device:
    """What a release must fit on this machine.

    Raises:
        BadConfig: the sensor or the runtime cannot be used at all.
    """
    sensor = sensors.create(config.sensor, config.folder)
    try:
        facts = await runtime.probe()
    except RunnerFailed as error:
        raise BadConfig("onnxruntime", f"cannot be used: {error}", "Run `edge-agent doctor` to see why") from error
    log.info("onnxruntime %s: opset up to %d, IR up to %d", facts.onnxruntime, facts.max_opset, facts.max_ir)
    return trusted.Device(config.limits, facts.max_opset, facts.max_ir, facts.onnxruntime, sensor.info)


class Agent:
    """The parts of a running agent, put together."""

    def __init__(self, config: Config, device: trusted.Device) -> None:
        home = config.home
        self._config, self._device = config, device
        self._me, self._root = identities.identity(home), identities.root(home)
        self._topics = DeviceTopics(self._me.fleet, self._me.device)
        self._store, self._blobs = SlotStore(home / "slots.json"), Blobs(home / "blobs")
        self._outbox = Outbox(home / "agent.db", config.limits.max_outbox_rows)
        self._scoring = Scoring(self._outbox, config.limits)
        self._epoch, self._refused = "", set[str]()
        self.link = Link(
            link.Settings(
                self._me,
                config.broker.url or self._me.broker.url,
                home,
                self._topics.of("status"),
                lambda epoch: codec.encode(report.status(False, epoch, time.time())),
            )
        )
        self.courier = Courier(self.link, self._outbox, self._topics, config.limits.receipt_timeout_s)
        self._delivery = Delivery(self.link, self._blobs, self._topics, config.limits)
        self.sensing = Sensing(
            sensors.create(config.sensor, config.folder),
            self._scoring,
            self._outbox.positions(),
            Hooks(self._model_failed, self._first_prediction),
            config.limits.max_crashes,
        )
        self.installer = Installer(
            Tools(
                self._store,
                self._blobs,
                self._delivery,
                self._outbox,
                self.courier,
                self._root,
                device,
                lambda: self.link.is_up,
            ),
            self.sensing,
        )

    async def close(self) -> None:
        """Save, say goodbye, leave."""
        self._checkpoint(0.0)
        await self.sensing.close()
        await self.link.stop(codec.encode(report.status(False, self._epoch, time.time())))
        self._outbox.close()

    async def hear(self) -> None:
        """Take in what comes; a message is acknowledged when what it led to is on disk."""
        while True:
            items = await self.link.receive()
            labels: list[Label] = []
            for item in items:
                if isinstance(item, Connected):
                    await self._greet(item)
                else:
                    self._take(item, labels)
            self._keep_labels(labels)
            for item in items:
                if isinstance(item, Incoming):
                    self.link.acknowledge(item)

    async def count(self) -> None:
        """Save and tell the counts, every so often."""
        before = time.monotonic()
        while True:
            await asyncio.sleep(self._config.report.every_s)
            now = time.monotonic()
            self._checkpoint(now - before)
            before = now

    async def watch(self) -> None:
        """End the agent when the network thread has ended: nobody else would notice."""
        while True:
            await asyncio.sleep(5)
            if not self.link.is_alive:
                raise AgentError("the network thread has ended; the agent must be started again")

    async def _greet(self, connected: Connected) -> None:
        """After each connect: listen, then tell everything again."""
        self._epoch = connected.epoch
        try:
            for kind in ("receipt", "label", "desired"):
                await self.link.subscribe(self._topics.of(kind))
            await self.link.subscribe_again()
        except LinkLost as error:
            log.warning("listening again after the next connect: %s", error)
            return
        now = time.time()
        online = report.status(True, connected.epoch, now)
        birth = report.birth(self._device, self._machine(), connected.epoch, now)
        self.link.publish(self._topics.of("status"), codec.encode(online), retain=True)
        self.link.publish(self._topics.of("birth"), codec.encode(birth), retain=True)
        self.courier.report(self.installer.reported)
        self.courier.start_over()

    def _take(self, message: Incoming, labels: list[Label]) -> None:
        """One message, by its topic."""
        try:
            if message.topic == self._topics.of("desired"):
                self._take_desired(message.payload)
            elif message.topic == self._topics.of("label"):
                labels.append(codec.decode(message.payload, Label))
            elif message.topic == self._topics.of("receipt"):
                receipt = codec.decode(message.payload, Receipt)
                self.courier.confirmed(receipt.outbox, receipt.seqs)
            elif not self._delivery.take(message.topic, message.payload):
                log.debug("nobody waits for a message to %s", message.topic)
        except Malformed as error:
            log.warning("dropped a message to %s: %s", message.topic, error)

    def _take_desired(self, document: bytes) -> None:
        """Judge a desired document and keep it before anything is done about it."""
        state, addressee = self._store.state, (self._me.fleet, self._me.device)
        decision = trusted.judge(self._root, document, addressee, state.seen, datetime.now(UTC))
        match decision:
            case trusted.Accepted(desired):
                log.info("revision %d wants %s", desired.rev, {k: v.sha256[:12] for k, v in desired.slots.items()})
                self._store.save(lifecycle.accept(state, desired))
            case trusted.Unchanged():
                self._store.save(lifecycle.delivered_again(state))
            case trusted.Ignored():
                self._tell_ignored(decision)
                return
        self.courier.report(self.installer.reported)
        self.installer.wanted_changed()

    def _tell_ignored(self, ignored: trusted.Ignored) -> None:
        """Each such document once: a broker may hand it out again and again."""
        log.warning("ignored a desired document: %s: %s", ignored.reason, ignored.text)
        if ignored.document_sha256 in self._refused or len(self._refused) >= MAX_REFUSALS_TOLD:
            return
        self._refused.add(ignored.document_sha256)
        for slot, outcome in report.refusals(ignored, self._store.state.rev_seen, time.time()).items():
            self._outbox.add_event(report.event_builder(slot, outcome), sending=self.link.is_up)
        self.courier.wake()

    def _keep_labels(self, labels: list[Label]) -> None:
        if not labels:
            return
        self._scoring.add_labels(labels)
        ids = tuple(dict.fromkeys(label.label_id for label in labels))
        for at in range(0, len(ids), LABELS_IN_RECEIPT):
            receipt = LabelReceipt(label_ids=ids[at : at + LABELS_IN_RECEIPT])
            self.link.publish(self._topics.of("label/receipt"), codec.encode(receipt))

    def _checkpoint(self, wall_s: float) -> None:
        owners = self.sensing.owners.values()
        if self._scoring.checkpoint(self.sensing.positions, list(owners), wall_s, self.link.is_up):
            self.courier.wake()

    def _model_failed(self, slot: Slot, why: str) -> None:
        self.installer.model_failed(slot, why)

    def _first_prediction(self, slot: Slot) -> None:
        if slot == "active" and self._store.state.first_prediction_ts is None:
            self._store.save(lifecycle.first_prediction(self._store.state, time.time()))
            self.courier.report(self.installer.reported)

    def _machine(self) -> report.Machine:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return report.Machine(pages // 10**6, self._blobs.free_bytes() // 10**6, self._root.version)


class _Stopped(Exception):  # noqa: N818
    """Somebody wants the agent to end."""


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stopped


@contextlib.contextmanager
def locked(home: Path) -> Iterator[None]:
    """Be the only agent of this home.

    Raises:
        BadConfig: there is another one, or the home cannot be written.
    """
    path = home / "agent.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise BadConfig("agent.home", f"{home} cannot be used: {error.strerror}", identities.ENROL) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            cure = "Stop that one, or give this one a home of its own"
            raise BadConfig("agent.home", f"another agent is running on {home}", cure) from error
        yield
    finally:
        os.close(descriptor)
