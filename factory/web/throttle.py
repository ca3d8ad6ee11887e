"""Slows down whoever guesses passwords. Pure but for what it remembers; time comes in as an argument.

Rules
1. After `limit` failures within `window_s` seconds a key is refused until the oldest of them has left the window.
2. A success forgets the key's failures.
3. At most `most_keys` keys are remembered: the one that failed longest ago is dropped, so no flood fills the memory.
"""

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field

Key = tuple[str, ...]


@dataclass
class Throttle:
    """A sliding window of failures for each key."""

    limit: int
    window_s: float
    most_keys: int = 10_000
    _failures: OrderedDict[Key, deque[float]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, key: Key, now: float) -> float:
        """Seconds until this key may try again; 0 where it may now (rule 1)."""
        with self._lock:
            recent = self._failures.get(key, deque())
            while recent and recent[0] <= now - self.window_s:
                recent.popleft()
            return recent[0] + self.window_s - now if len(recent) >= self.limit else 0.0

    def failed(self, key: Key, now: float) -> None:
        """Count a failure (rule 3)."""
        with self._lock:
            self._failures.setdefault(key, deque(maxlen=self.limit)).append(now)
            self._failures.move_to_end(key)
            while len(self._failures) > self.most_keys:
                self._failures.popitem(last=False)

    def succeeded(self, key: Key) -> None:
        """Rule 2."""
        with self._lock:
            self._failures.pop(key, None)
