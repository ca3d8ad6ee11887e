"""From the sensor to predictions: readings are cut into windows, a child process answers, the scorers count.

Rules
1. The sensor is read while at least one model runs. Every reading goes to every model, in turn; only then comes the
   next.
2. What a reading has led to is counted, and the place in the stream moved on, in one go: a checkpoint never sees half
   of it.
3. A model's process that fails is started again, with back-off; after `max_crashes` in a row the model has failed.
   The stream is then read again from the first window that nobody has predicted, once the slot has been given another
   model.
4. A model that takes over from another in a slot goes on with the samples that no window of the other has used up.
5. The stream may end; the agent lives on.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from edge_agent.accuracy import Owner, Prediction, Scorer
from edge_agent.errors import Refused, RunnerFailed, SensorFailed
from edge_agent.runtime import Runtime
from edge_agent.scoring import Scoring
from edge_agent.sensors import Sensor
from edge_agent.windowing import Position, Reading, Window, Windower
from protocol.messages import Slot

log = logging.getLogger(__name__)

RESTART_S = 0.2  # before a crashed process is started again; doubles
REOPEN_S, REOPEN_MAX_S = 1.0, 60.0  # before a failed sensor is opened again; doubles


class _Abandoned(Exception):  # noqa: N818
    """Windows were left without an answer, because their model has failed."""


@dataclass
class Live:
    """A model that runs in a slot."""

    owner: Owner
    runtime: Runtime
    windower: Windower
    scorer: Scorer
    crashes: int = 0
    failed: bool = False
    backlog: list[Reading] = field(default_factory=list)
    predicted: bool = False


@dataclass(frozen=True)
class Hooks:
    """Whom sensing tells: that a model has failed (slot, why), and that a model has predicted for the first time
    (slot).
    """

    failed: Callable[[Slot, str], None]
    first_prediction: Callable[[Slot], None]


class Sensing:
    """Feeds the models of all slots from one sensor."""

    def __init__(
        self, sensor: Sensor, scoring: Scoring, positions: dict[Slot, Position], hooks: Hooks, max_crashes: int
    ) -> None:
        self._sensor, self._scoring, self._hooks, self._max_crashes = sensor, scoring, hooks, max_crashes
        self.positions = positions
        self._lives: dict[Slot, Live] = {}
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def owners(self) -> dict[Slot, Owner]:
        """What runs in which slot."""
        return {slot: live.owner for slot, live in self._lives.items()}

    async def switch(self, owner: Owner, runtime: Runtime, commit: Callable[[], None], resume: bool) -> None:
        """Let this model take over its slot, between two readings; `commit` makes it last.

        `resume`: it goes on where the slot's stream stood when the agent stopped, or when the model before it failed.
        """
        async with self._turn:
            commit()
            before = self._lives.get(owner.slot)
            self._lives[owner.slot] = self._live(owner, runtime, before, resume)
            self._changed.set()
            if before is not None:
                await before.runtime.stop()

    async def remove(self, slot: Slot) -> None:
        """Let nothing run in a slot."""
        async with self._turn:
            live = self._lives.pop(slot, None)
            self._changed.set()
            if live is not None:
                await live.runtime.stop()

    async def run(self) -> None:
        """Read the sensor until its stream ends (rules 1, 3 and 5)."""
        pause_s = REOPEN_S
        while True:
            await self._until_ready()
            try:
                if await self._read():
                    log.info("the sensor's stream has ended")
                    return
                pause_s = REOPEN_S
            except _Abandoned:
                log.warning("reading the sensor again from the first window without an answer")
            except SensorFailed as error:
                log.warning("the sensor failed: %s; opening it again in %.0f s", error, pause_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, REOPEN_MAX_S)

    async def close(self) -> None:
        """End every model's process."""
        for live in self._lives.values():
            await live.runtime.stop()

    async def _read(self) -> bool:
        """Read on from where the slots stand; whether the stream has ended."""
        readings = cast("Any", self._sensor.open(self._start()))
        async with aclosing(readings):
            async for reading in readings:
                async with self._turn:
                    if not self._is_ready():
                        return False
                    await self._process(reading)
        return True

    async def _process(self, reading: Reading) -> None:
        """Rules 1 and 2."""
        answered = []
        for live in self._lives.values():
            windows = [window for one in (*live.backlog, reading) for window in live.windower.push(one)]
            answered.append((live, windows, await self._predict(live, windows)))
        for live, windows, predictions in answered:
            live.backlog.clear()
            for prediction, latency_us in predictions:
                live.scorer.predicted(prediction, latency_us, self._scoring.book)
            if live.windower.position is not None:
                self.positions[live.owner.slot] = live.windower.position
            if windows and not live.predicted:
                live.predicted = True
                self._hooks.first_prediction(live.owner.slot)

    async def _predict(self, live: Live, windows: Sequence[Window]) -> list[tuple[Prediction, float]]:
        if not windows:
            return []
        samples = np.stack([window.samples for window in windows])
        while True:
            try:
                took, answers = await live.runtime.run(samples)
            except (RunnerFailed, Refused) as error:
                await self._crashed(live, str(error))
                continue
            live.crashes = 0
            best = answers.argmax(axis=1).tolist()
            return [
                (Prediction(one.inference_id, one.t0, one.t1, answer), us)
                for one, answer, us in zip(windows, best, took.tolist(), strict=True)
            ]

    async def _crashed(self, live: Live, why: str) -> None:
        """Rule 3: returns when the process runs again."""
        while True:
            live.crashes += 1
            log.warning("%s in slot %s: %s", live.owner.release[:12], live.owner.slot, why)
            if live.crashes >= self._max_crashes:
                live.failed = True
                self._hooks.failed(live.owner.slot, f"{live.crashes} crashes in a row; the last: {why}")
                raise _Abandoned
            await asyncio.sleep(RESTART_S * 2**live.crashes)
            try:
                return await live.runtime.start()
            except (RunnerFailed, Refused) as error:
                why = str(error)

    def _live(self, owner: Owner, runtime: Runtime, before: Live | None, resume: bool) -> Live:
        """Rule 4, and where a slot that was empty begins."""
        others = [slot for slot in self._lives if slot != owner.slot]
        takes_over = before is not None and not before.failed
        if not (resume or takes_over) and others and others[0] in self.positions:
            self.positions[owner.slot] = self.positions[others[0]]
        manifest = runtime.manifest
        place = None if takes_over else self.positions.get(owner.slot)
        live = Live(
            owner,
            runtime,
            Windower(manifest.window, manifest.hop, manifest.rate_hz, place),
            self._scoring.scorer(owner),
        )
        if before is not None and takes_over and before.windower.tail is not None:
            live.backlog.append(before.windower.tail)
        return live

    def _start(self) -> Position | None:
        """The place from which every running model can go on."""
        places = [self.positions[slot] for slot in self._lives if slot in self.positions]
        if not places or len(places) < len(self._lives):
            return places[0] if places else None
        return min((one for one in places if one.recording == places[0].recording), key=lambda one: one.index)

    def _is_ready(self) -> bool:
        return bool(self._lives) and not any(live.failed for live in self._lives.values())

    async def _until_ready(self) -> None:
        while not self._is_ready():
            self._changed.clear()
            await self._changed.wait()
