"""Writes the golden wire files, and verifies them: `python -m tests.golden.generate [--check]`.

The bytes on the wire are a promise to every device in the field. They live in one folder for each version of the
protocol. A file, once there, is never written again: other bytes need another version, which has another folder.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from protocol.version import PROTOCOL_VERSION
from tests.golden import examples


def folder(base: Path) -> Path:
    """Where the files of this version of the protocol are."""
    return base / f"v{PROTOCOL_VERSION}"


def faults(there: Path, expected: Mapping[str, bytes]) -> list[str]:
    """One sentence for each file that is not as expected, each with what to do about it."""
    found = {path.name: path.read_bytes() for path in there.iterdir()} if there.is_dir() else {}
    return [
        _fault(name, found, expected) for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)
    ]


def write(there: Path, expected: Mapping[str, bytes]) -> None:
    """Adds the files that are missing; leaves those that are there."""
    there.mkdir(exist_ok=True)
    for name, content in expected.items():
        if not (there / name).exists():
            (there / name).write_bytes(content)


def main(arguments: list[str] | None = None, base: Path = Path(__file__).parent) -> int:
    """Exit status 0 where all is as it should be, else 1 and a sentence for each fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, only verify")
    if not parser.parse_args(arguments).check:
        write(folder(base), examples.files())
    wrong = faults(folder(base), examples.files())
    for fault in wrong:
        print(fault, file=sys.stderr)
    return 1 if wrong else 0


def _fault(name: str, found: Mapping[str, bytes], expected: Mapping[str, bytes]) -> str:
    if name not in found:
        return f"{name} is missing: run `python -m tests.golden.generate` and commit the file."
    change = "is no longer produced" if name not in expected else "would now have other bytes"
    return (
        f"{name} {change}: devices in the field speak version {PROTOCOL_VERSION} as it was. Undo the change, "
        "or raise PROTOCOL_VERSION in protocol/version.py and run `python -m tests.golden.generate`."
    )


if __name__ == "__main__":
    sys.exit(main())
