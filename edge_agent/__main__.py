"""The command line: `edge-agent run`, `edge-agent enrol`, `edge-agent doctor`."""

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from edge_agent import agent, config, doctor, identity
from edge_agent.errors import AgentError

EXAMPLES = """\
examples:
  edge-agent enrol pi-07.json --home /var/lib/cygnet --config /etc/cygnet.toml
  edge-agent doctor /etc/cygnet.toml
  edge-agent run /etc/cygnet.toml

exit status: 0 done, 1 something failed, 2 the configuration or the enrolment is wrong (one line on standard error
says what to do)
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    chosen = _parser().parse_args(arguments)
    level = logging.DEBUG if chosen.verbose else logging.INFO
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        status: int = chosen.command(chosen)
    except AgentError as error:
        print(f"edge-agent: {error}", file=sys.stderr)
        return error.exit_status
    return status


def _run(chosen: argparse.Namespace) -> int:
    asyncio.run(_live(config.load(chosen.config)))
    return 0


async def _live(settings: config.Config) -> None:
    """Run the agent until somebody asks it to end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await agent.run(settings, stop)
    except BaseExceptionGroup as group:
        known = group.subgroup(AgentError)
        if known is None or group.split(AgentError)[1] is not None:
            raise
        raise _first(known) from group


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _enrol(chosen: argparse.Namespace) -> int:
    settings = chosen.config or chosen.home / "agent.toml"
    known = identity.install(chosen.bundle, chosen.home, settings)
    print(f"This is now {known.device} of fleet {known.fleet}.")
    print(f"Next: set the [sensor] in {settings}, then: edge-agent run {settings}")
    return 0


def _doctor(chosen: argparse.Namespace) -> int:
    findings = doctor.examine(chosen.config)
    print(doctor.as_json(findings) if chosen.json else doctor.as_table(findings))
    return doctor.exit_status(findings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-agent",
        description="Runs the models a factory sends to this device, and tells it how well they do.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--verbose", action="store_true", help="log every step")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run the agent until it is told to stop (SIGTERM or Ctrl-C)")
    run.add_argument("config", type=Path, metavar="CONFIG.toml", help="the agent's configuration")
    run.set_defaults(command=_run)

    enrol = commands.add_parser("enrol", help="make this machine a device of a fleet")
    enrol.add_argument(
        "bundle", type=Path, metavar="BUNDLE.json", help="the file that `factory enrol` wrote; it holds secrets"
    )
    enrol.add_argument(
        "--home", type=Path, required=True, metavar="DIR", help="where identity, models and counts are to live"
    )
    enrol.add_argument(
        "--config",
        type=Path,
        metavar="CONFIG.toml",
        help="where to write a first configuration (default: DIR/agent.toml)",
    )
    enrol.set_defaults(command=_enrol)

    check = commands.add_parser("doctor", help="say what of this device is fit or not, and what to do about it")
    check.add_argument("config", type=Path, metavar="CONFIG.toml", help="the agent's configuration")
    check.add_argument("--json", action="store_true", help="print JSON for a program to read")
    check.set_defaults(command=_doctor)
    return parser


if __name__ == "__main__":
    sys.exit(main())
