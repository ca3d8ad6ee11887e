"""What a signal does to a command that takes long."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """In the block, the first SIGINT or SIGTERM raises KeyboardInterrupt, and the next one ends the process at once.

    For the main thread alone, which is the one that Python gives signals to.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        for one in SIGNALS:
            signal.signal(one, signal.SIG_DFL)  # what comes next does not wait for Python
        raise KeyboardInterrupt

    before = {one: signal.signal(one, stop) for one in SIGNALS}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
