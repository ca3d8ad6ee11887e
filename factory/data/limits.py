"""How large data may be, each limit with its unit."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Beyond these, input is refused before memory is set aside for it."""

    max_file_bytes: int = 2 * 1024**3  # of a CSV or Parquet file
    max_array_bytes: int = 2 * 1024**3  # that all arrays of a file declare, and that all windows of a task take
    max_unlabelled: int = 20_000  # windows that a teacher judges
    max_task_file_bytes: int = 64 * 1024
    max_name_chars: int = 120  # of a class, a channel or a task: what the wire takes
    max_recording_chars: int = 100  # leaves room for "@" and a sample number in the name of a prediction


LIMITS = Limits()
