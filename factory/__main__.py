"""The `factory` command."""

import importlib
import logging
import sys
from collections.abc import Sequence

from factory.commands.options import parser
from factory.console import Console
from factory.errors import FactoryError

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status."""
    options = parser().parse_args(arguments)
    options.typed = tuple(sys.argv[1:] if arguments is None else arguments)
    console = Console(as_json=options.json)
    level = logging.INFO if options.verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    command = importlib.import_module(f"factory.commands.{options.command}")
    try:
        status: int = command.run(options, console)
    except FactoryError as error:
        console.fail(f"factory {options.command}", error)
        return error.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    return status


if __name__ == "__main__":
    sys.exit(main())
