"""Carries out what `lifecycle` decides: fetches, stages and switches releases, goes back where one has failed.

Rules
1. What is about to be done is on disk (`slots.json`) before it is done. An event is saved before the state that
   follows from it: after a kill in between it is told twice, never lost.
2. One release at a time. A newer document that wants something else for the slot ends what is going on.
3. What runs goes on running until the moment of the switch.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from msgspec.structs import replace

from edge_agent import guard, lifecycle, report, trusted
from edge_agent.accuracy import Owner
from edge_agent.blobs import Blobs
from edge_agent.courier import Courier
from edge_agent.delivery import Delivery
from edge_agent.errors import Refused, RunnerFailed
from edge_agent.lifecycle import SLOTS, STEPS, Already, Empty, Install, Outcome, Plan, Refuse, SlotsState
from edge_agent.outbox import Outbox
from edge_agent.runtime import Runtime
from edge_agent.sensing import Sensing
from edge_agent.slots import SlotStore
from protocol.manifest import Manifest
from protocol.messages import Reason, Reported, Slot, State
from protocol.trust import MAX_DOCUMENT_BYTES, FileRef, ReleaseFiles, Root

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tools:
    """What installing needs of the rest of the agent."""

    store: SlotStore
    blobs: Blobs
    delivery: Delivery
    outbox: Outbox
    courier: Courier
    root: Root
    device: trusted.Device
    is_up: Callable[[], bool]


@dataclass
class _Work:
    """What has been made so far of a release on its way."""

    slot: Slot
    release: FileRef
    rev: int
    files: ReleaseFiles | None = None
    runtime: Runtime | None = None
    switched: bool = False


class Installer:
    """Brings the slots to what is wanted of them."""

    def __init__(self, tools: Tools, sensing: Sensing) -> None:
        self._tools, self._sensing = tools, sensing
        self._changed = asyncio.Event()
        self._failures: dict[Slot, str] = {}
        self._progress: dict[Slot, float] = {}

    def wanted_changed(self) -> None:
        """There may be something to do."""
        self._changed.set()

    def model_failed(self, slot: Slot, why: str) -> None:
        """The model in a slot runs no longer, and starting it again does not help."""
        self._failures[slot] = why
        self._changed.set()

    def reported(self) -> Reported:
        """Where every slot stands now."""
        return report.reported(self._state, self._progress, time.time())

    async def run(self) -> None:
        """Start what the slots hold, then do what is to be done, for ever (rule 2)."""
        for slot in SLOTS:
            await self._start_held(slot)
        while True:
            self._changed.clear()
            for slot, why in list(self._failures.items()):
                del self._failures[slot]
                await self._roll_back(slot, Reason.RUNNER_FAILED, why)
            due = self._next()
            if due is None:
                self._tidy()
                await self._changed.wait()
            else:
                await self._until_overtaken(*due)

    @property
    def _state(self) -> SlotsState:
        return self._tools.store.state

    def _next(self) -> tuple[Slot, Plan] | None:
        for slot in SLOTS:
            plan = lifecycle.plan(self._state, slot, self._sensing.owners, time.time())
            if not isinstance(plan, lifecycle.Rest):
                return slot, plan
        return None

    async def _until_overtaken(self, slot: Slot, plan: Plan) -> None:
        """Carry out a plan unless something more urgent comes up."""
        wanted = self._state.wanted.get(slot)
        task = asyncio.create_task(self._perform(slot, plan))
        try:
            while not task.done():
                change = asyncio.create_task(self._changed.wait())
                await asyncio.wait({task, change}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
                self._changed.clear()
                if self._failures or self._state.wanted.get(slot) != wanted:
                    break
        finally:
            if not task.done():
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _perform(self, slot: Slot, plan: Plan) -> None:
        match plan:
            case Install(release, again):
                await self._install(_Work(slot, release, self._state.rev_seen), again)
            case Refuse(reason, text):
                self._note(slot, self._outcome(slot, State.REJECTED, reason, text))
            case Already():
                self._note(slot, self._outcome(slot, State.ACTIVE, None, "it was here already"))
            case Empty():
                await self._sensing.remove(slot)
                self._save(lifecycle.empty(self._state, slot))

    async def _install(self, work: _Work, again: bool) -> None:
        """Every step of `lifecycle.STEPS`, each within its time."""
        state, text = State.ACCEPTED, "begun again after a restart" if again else ""
        actions = {"none": self._nothing, "fetch": self._fetch, "stage": self._stage, "switch": self._switch}
        try:
            while (step := STEPS.get(state)) is not None:
                self._note(work.slot, self._step(work, state, text=text))
                seconds, text = getattr(self._tools.device.limits, step.limit), ""
                try:
                    async with asyncio.timeout(seconds):
                        await actions[step.action](work)
                except TimeoutError as error:
                    raise Refused(Reason.TIMED_OUT, f"{state} took longer than {seconds:g} s") from error
                state = step.then
            self._note(work.slot, self._step(work, state))
        except Refused as error:
            self._note(
                work.slot, self._step(work, lifecycle.ends_in(Reason(error.reason)), Reason(error.reason), str(error))
            )
        except RunnerFailed as error:
            self._note(work.slot, self._step(work, State.REJECTED, Reason.RUNNER_FAILED, str(error)))
        finally:
            self._progress.pop(work.slot, None)
            if work.runtime is not None and not work.switched:
                await work.runtime.stop()

    async def _nothing(self, work: _Work) -> None:
        """ACCEPTED is only told."""

    async def _fetch(self, work: _Work) -> None:
        tools, limits = self._tools, self._tools.device.limits
        if work.release.length > MAX_DOCUMENT_BYTES:
            raise Refused(Reason.TOO_LARGE, f"a release document of {work.release.length} bytes")
        document = await tools.delivery.fetch(work.release, lambda _: None)
        files = trusted.check_release(tools.root, document, work.release)
        trusted.check_size(files, limits)
        needed = files.manifest.length + files.model.length + limits.min_free_bytes
        if (free := tools.blobs.free_bytes()) < needed:
            raise Refused(Reason.DISK_FULL, f"{free} bytes are free, {needed} are needed")
        await tools.delivery.fetch(files.manifest, partial(self._show, work.slot, files, 0))
        await tools.delivery.fetch(files.model, partial(self._show, work.slot, files, files.manifest.length))
        self._load(files)
        work.files = files

    async def _stage(self, work: _Work) -> None:
        assert work.files is not None
        manifest, model = self._load(work.files)
        work.runtime = Runtime(manifest, model, self._tools.device.limits)
        await work.runtime.start()

    async def _switch(self, work: _Work) -> None:
        assert work.files is not None
        assert work.runtime is not None
        slot, files = work.slot, work.files

        def commit() -> None:
            self._save(lifecycle.switch(self._state, slot, files))
            work.switched = True

        await self._sensing.switch(_owner(slot, files, work.runtime.manifest), work.runtime, commit, resume=False)

    async def _start_held(self, slot: Slot) -> None:
        """Run what a slot holds, from disk; where that fails, go back to what it held before."""
        files = self._state.held.get(slot)
        if files is None:
            return
        runtime: Runtime | None = None
        try:
            manifest, model = self._load(files)
            runtime = Runtime(manifest, model, self._tools.device.limits)
            await runtime.start()
        except FileNotFoundError as error:
            log.warning("slot %s: %s; getting it again", slot, error)
            self._save(lifecycle.lost(self._state, slot))
        except RunnerFailed as error:
            await self._roll_back(slot, Reason.RUNNER_FAILED, str(error))
        except Refused as error:
            await self._cannot_run(slot, files, error)
        else:
            await self._sensing.switch(_owner(slot, files, manifest), runtime, lambda: None, resume=True)
            outcome = self._state.outcomes.get(slot)
            if outcome is not None and outcome.release == files.release.sha256 and outcome.state is State.REJECTED:
                self._note(
                    slot, replace(outcome, state=State.ACTIVE, since=time.time(), reason=None, text="it fits again")
                )

    async def _cannot_run(self, slot: Slot, files: ReleaseFiles, why: Refused) -> None:
        """A release that ran before is refused now: its own fault, or that of a sensor or runtime which has changed."""
        if why.reason in lifecycle.QUARANTINES:
            await self._roll_back(slot, Reason(why.reason), str(why))
        else:
            refused = self._outcome(slot, State.REJECTED, Reason(why.reason), str(why))
            self._note(slot, replace(refused, release=files.release.sha256))

    async def _roll_back(self, slot: Slot, reason: Reason, why: str) -> None:
        """Back to what the slot held before, if it can still run."""
        held = self._state.held.get(slot)
        if held is None:
            return
        previous = self._state.previous if slot == "active" else None
        back = f"back to {previous.release.sha256[:12]}" if previous else "there is no release to go back to"
        outcome = replace(self._outcome(slot, State.ROLLED_BACK, reason, f"{back}: {why}"), release=held.release.sha256)
        self._tell(slot, outcome)
        self._save(lifecycle.roll_back(self._state, slot, outcome))
        await self._sensing.remove(slot)
        await self._start_held(slot)

    def _load(self, files: ReleaseFiles) -> tuple[Manifest, bytes]:
        """Manifest and model from disk, checked again as if they had just come.

        Raises:
            Refused: this device does not run them.
            FileNotFoundError: they are not there, or have rotted.
        """
        blobs, device = self._tools.blobs, self._tools.device
        payload, model = blobs.get(files.manifest), blobs.get(files.model)
        if payload is None or model is None:
            raise FileNotFoundError(f"the files of release {files.release.sha256[:12]} are gone")
        manifest = trusted.check_manifest(payload, files, device)
        guard.check(model, manifest.model.operators, guard.Runtime(device.max_ir, device.max_opset))
        return manifest, model

    def _show(self, slot: Slot, files: ReleaseFiles, before: int, came: int) -> None:
        self._progress[slot] = (before + came) / (files.manifest.length + files.model.length)
        self._tools.courier.report(self.reported)

    def _step(self, work: _Work, state: State, reason: Reason | None = None, text: str = "") -> Outcome:
        return Outcome(work.rev, work.release.sha256, state, time.time(), reason, text)

    def _outcome(self, slot: Slot, state: State, reason: Reason | None, text: str) -> Outcome:
        """An outcome of what is wanted of a slot now."""
        wanted = self._state.wanted.get(slot)
        return Outcome(self._state.rev_seen, wanted.sha256 if wanted else "", state, time.time(), reason, text)

    def _note(self, slot: Slot, outcome: Outcome) -> None:
        """Tell of a new state, then keep it (rule 1)."""
        self._tell(slot, outcome)
        self._save(lifecycle.note(self._state, slot, outcome))

    def _tell(self, slot: Slot, outcome: Outcome) -> None:
        log.info("%s: %s %s %s %s", slot, outcome.release[:12], outcome.state, outcome.reason or "", outcome.text)
        self._tools.outbox.add_event(report.event_builder(slot, outcome), sending=self._tools.is_up())
        self._tools.courier.wake()

    def _save(self, state: SlotsState) -> None:
        self._tools.store.save(state)
        self._tools.courier.report(self.reported)

    def _tidy(self) -> None:
        """Delete files that no slot needs; what a failed download has got so far is kept for the next try."""
        if not any(one.state is State.FAILED for one in self._state.outcomes.values()):
            self._tools.blobs.keep_only(lifecycle.needed_blobs(self._state))


def _owner(slot: Slot, files: ReleaseFiles, manifest: Manifest) -> Owner:
    return Owner(slot, files.release.sha256, manifest.answered)
