"""The demo, step by step."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from factory import data, pipeline
from factory.artifacts import TEST, Budget, Dataset
from factory.config import FactoryConfig, WebConfig
from factory.console import Console
from factory.demo.device import DemoDevice
from factory.demo.report import DemoReport, write_report
from factory.errors import BadInput, Unavailable
from factory.fleet.enrolment import Access
from factory.fleet.push import reported_of
from factory.registry import Registry
from factory.registry.rows import JobRow, ReleaseRow, TotalsRow
from factory.release import Keyring
from factory.serving import Serving, admin_link, on_free_ports, serving
from protocol.messages import Label, latency_quantile

DEVICE, GROUP, FLEET, WHO = "demo-pi", "demo", "demo", "demo"
REPLAY_START_S = 1_700_000_000.0  # Unix time of the first replayed sample
DEVICE_TIMEOUT_S = 180.0  # without anything new from the device
POLL_S = 0.1


@dataclass(frozen=True)
class DemoOptions:
    """What the command line says. `speed`: how many times faster than recorded the recordings are replayed."""

    home: Path
    source: str
    task_file: Path | None
    budget: Budget
    seed: int
    speed: float
    port: int
    stay: bool


def demo(options: DemoOptions, console: Console) -> DemoReport:
    """Run the whole loop; with `options.stay`, leave the page up until Ctrl-C.

    Raises:
        FactoryError: a step failed; the message says which and what to do.
    """
    watch = Stopwatch()
    options.home.mkdir(parents=True, exist_ok=True)
    config = on_free_ports(FactoryConfig(options.home, FLEET, web=WebConfig(port=options.port)))
    with _alone(options.home), Registry.open(options.home) as registry:
        keyring = Keyring.open(options.home / "keys", console.now())
        with watch("data"), console.stage(f"Reading {options.source}"):
            loaded = data.load(options.source, options.task_file)
            dataset = data.windows(loaded)
        with watch("build"):
            order = pipeline.Order(options.source, dataset, options.budget, options.seed, options.home / "model")
            with console.building() as progress:
                built = pipeline.produce(order, registry, keyring, progress, config.limits.release_valid_days)
        with serving(config, registry, keyring) as running:
            console.say(f"Operator page: {admin_link(registry, running.page_url)}")
            device = DemoDevice(options.home / "device", DEVICE)
            with watch("enrol"), console.stage("Enrolling a device: its recordings are those of the held-out people"):
                registry.enrol(DEVICE, GROUP, time.time())
                labels = _lay_out(loaded, dataset, device)
                device.enrol(FLEET, Access(running.broker_url), keyring.root_document, options.speed)
            with device:
                loop = Loop(registry, built.release, device, running)
                with watch("start"), console.stage("Starting its agent"):
                    loop.await_online()
                with watch("push"), console.stage("Pushing the signed model over MQTT"):
                    job = loop.push()
                with watch("run"):
                    registry.queue_labels(DEVICE, labels, time.time())
                    totals = loop.await_labelled(int((dataset.part == TEST).sum()), console)
                report = _report(built, totals, loop.first_prediction_s(job), watch)
                write_report(options.home, report)
                console.result(asdict(report), "The loop, closed")
                if options.stay:
                    _stay(running, device, console)
    return report


class Stopwatch:
    """Seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Time the block under this name."""
        start = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - start, 3)


class Loop:
    """The way of one release to one device and of its accuracy back, seen through the registry like the page sees
    it.
    """

    def __init__(self, registry: Registry, release: ReleaseRow, device: DemoDevice, running: Serving) -> None:
        self._registry, self._release, self._device, self._running = registry, release, device, running

    def await_online(self) -> None:
        """Wait until the device is there."""
        self._until(lambda: self._registry.device(DEVICE).online, lambda: 0)

    def push(self) -> JobRow:
        """Ask for the push the way the page's button does, and wait until the device runs the release."""
        wanted = {"release": self._release.release, "to": DEVICE, "slot": "active"}
        asked = [job for job in self._registry.jobs() if job.payload == wanted and job.state != "failed"]
        job = asked[-1] if asked else self._registry.submit("push", wanted, WHO, time.time())
        self._until(
            lambda: self._registry.job(job.id).state in {"done", "failed"}, lambda: self._registry.job(job.id).updated
        )
        ended = self._registry.job(job.id)
        if ended.state == "failed":
            raise Unavailable(
                f"the push did not reach the device: {ended.error}. The agent's log is {self._device.log}."
            )
        return ended

    def await_labelled(self, windows: int, console: Console) -> TotalsRow:
        """Wait until the device has reported every held-out window with its label."""
        with console.counter("Held-out windows predicted and labelled on the device", windows) as shown:

            def look() -> int:
                totals = self._totals()
                shown(0 if totals is None else totals.n_labelled, None if totals is None else totals.accuracy)
                return 0 if totals is None else totals.n_labelled

            self._until(lambda: look() >= windows, look)
        totals = self._totals()
        assert totals is not None
        return totals

    def first_prediction_s(self, push: JobRow) -> float:
        """Seconds from the request to push until the device's first prediction with the pushed model."""
        self._until(lambda: self._first_prediction() is not None, lambda: 0)
        return round((self._first_prediction() or 0.0) - push.created, 3)

    def _first_prediction(self) -> float | None:
        reported = reported_of(self._registry.device(DEVICE))
        return None if reported is None else reported.first_prediction_ts

    def _totals(self) -> TotalsRow | None:
        return next(iter(self._registry.totals(DEVICE, self._release.release)), None)

    def _until(self, done: Callable[[], bool], sign_of_life: Callable[[], object]) -> None:
        """Poll; give up where nothing has changed for `DEVICE_TIMEOUT_S`."""
        last, since = sign_of_life(), time.monotonic()
        while not done():
            self._running.watch()
            self._device.watch()
            if (now := sign_of_life()) != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > DEVICE_TIMEOUT_S:
                raise Unavailable(
                    f"nothing from the device for {DEVICE_TIMEOUT_S:.0f} s; its log is {self._device.log}"
                )
            time.sleep(POLL_S)


def _lay_out(loaded: data.Loaded, dataset: Dataset, device: DemoDevice) -> list[Label]:
    """Write the held-out people's recordings, without labels, where the device's replay sensor finds them; their
    labels, by time.
    """
    held_out, task = data.recordings(loaded, TEST), dataset.task
    data.write_replay(held_out, task, device.replay, REPLAY_START_S)
    starts = data.start_times(held_out, task.rate_hz, REPLAY_START_S)
    return [
        Label(label_id=f"{recording.name}/{i}", y=seen.y, source="demo", t=seen.t1, t0=seen.t0, t1=seen.t1)
        for recording, start in zip(held_out, starts, strict=True)
        for i, seen in enumerate(data.label_intervals(recording, start, task))
    ]


def _report(built: pipeline.Built, totals: TotalsRow, first_prediction_s: float, watch: Stopwatch) -> DemoReport:
    device_accuracy = totals.accuracy or 0.0
    factory_accuracy = built.test["accuracy"]
    latency = dict(totals.latency_us)
    return DemoReport(
        factory_accuracy=factory_accuracy,
        device_accuracy=device_accuracy,
        accuracy_difference=abs(factory_accuracy - device_accuracy),
        windows=totals.n_labelled,
        model_kb=built.model.length / 1000,
        macs=built.model.macs,
        latency_us_p50=round(latency_quantile(latency, 0.5), 1),
        latency_us_p99=round(latency_quantile(latency, 0.99), 1),
        throughput_windows_per_s=round(totals.n / totals.busy_s, 1),
        push_to_first_prediction_s=first_prediction_s,
        stage_seconds=watch.seconds,
        model_path=str(built.folder / "model.onnx"),
    )


def _stay(running: Serving, device: DemoDevice, console: Console) -> None:
    console.say(f"The page stays up at {running.page_url}; Ctrl-C ends the demo")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            running.watch()
            device.watch()
            time.sleep(1)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the lock ends with the process."""
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(
                "--home", f"another demo runs in {folder}", "End it first, or name another folder"
            ) from error
        yield
