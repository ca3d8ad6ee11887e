"""The command line: every command, every option, with help that teaches.

No command's code is imported here, so that `--help` answers at once.
"""

import argparse
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from factory.artifacts import PARTS

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

HOME_VARIABLE = "CYGNET_HOME"

_EXIT_STATUS = """\
exit status: 0 done; 1 failed; 2 wrong input (the message says what to change); 3 something did not answer in time;
130 interrupted (what is on disk is kept, the same command goes on from there)"""


def parser() -> argparse.ArgumentParser:
    """The whole command line; `command` in what it parses names the module beside this one that carries it out."""
    parser = argparse.ArgumentParser(
        prog="factory",
        description="Designs, builds, signs and ships tiny models to Raspberry Pis, and watches how they do there.",
        epilog=f"Start with: factory demo\n\n{_EXIT_STATUS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_build(commands)
    _add_study(commands)
    _add_evaluate(commands)
    _add_push(commands)
    _add_serve(commands)
    _add_enrol(commands)
    _add_demo(commands)
    return parser


_BUILD = """\
Searches for the most accurate model that fits the budget, by its score as a compiled ONNX file on people (or devices,
or times) that it was not trained on; trains the best ones for longer; examines the chosen one once on held-out data;
signs it and puts it in the registry.

The budget is about the device (--max-kb, --max-macs: never exceeded) and about your patience (--minutes, --trials:
whichever is used up first ends the search; --minutes also has to do for the training of the best). More minutes find
better models, quickly at first: begin with 5, and look at the card's picture of size against accuracy before you pay
for 60. Where --trials ends the search, the same data, budget and seed give the same bytes.

Ctrl-C stops at once. Every finished trial is kept: the same command goes on from there, and the time that was spent
before counts. `factory study list` shows what there is."""

_BUILD_EXAMPLES = """\
factory build --data package:seglearn-watch --out build/watch --max-kb 64 --minutes 5
factory build --data pump.csv --task pump.toml --out build/pump --max-kb 32 --max-macs 100000
factory build --data pump.csv --task pump.toml --out build/pump --minutes 60 --cluster tcp://scheduler:8786"""


def _add_build(commands: "Commands") -> None:
    build = _command(commands, "build", "search, train and compile a model for a task", _BUILD, _BUILD_EXAMPLES)
    _add_data(build)
    build.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="where model.onnx, manifest.json and card.html go"
    )
    _add_budget(build, minutes=10.0, trials=None, max_kb=None)
    build.add_argument(
        "--cluster",
        metavar="URL",
        help="work on the machines of this Dask scheduler, tcp://HOST:8786 (default: build.cluster of factory.toml, or "
        "the cores of this machine)",
    )


def _add_study(commands: "Commands") -> None:
    study = commands.add_parser(
        "study",
        help="look at searches, and hand their trials to other tools",
        description="Every build is a study in the registry: its data, budget and seed, and each architecture that was "
        "tried. A study that was stopped goes on when its build is given again.",
        epilog=_epilog("factory study list\nfactory study show 3fa2b1\nfactory study export 3fa2b1 --out trials.csv"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = study.add_subparsers(dest="action", required=True, metavar="ACTION")
    _command(actions, "list", "every study, newest first", "Lists every study, newest first.", "factory study list")
    show = _command(
        actions,
        "show",
        "what one study was asked, what it tried, what it found",
        "Shows a study's data, budget and seed, the trials that no smaller one equals, what every strategy brought, "
        "and every trial.",
        "factory study show 3fa2b1\nfactory study show 3fa2b1 --json",
    )
    export = _command(
        actions,
        "export",
        "write a study's trials for other tools",
        "Writes every trial with its architecture as a table, or as a study of Optuna (pip install 'cygnet[export]').",
        "factory study export 3fa2b1 --out trials.parquet\n"
        "factory study export 3fa2b1 --optuna sqlite:///study.db && optuna-dashboard sqlite:///study.db",
    )
    for action in (show, export):
        action.add_argument("key", metavar="KEY", help="the study's key, or its first digits")
    export.add_argument("--out", type=Path, metavar="FILE", help="a .csv, .parquet or .json file")
    export.add_argument("--optuna", metavar="URL", help="sqlite:///FILE, an Optuna storage")


def _add_evaluate(commands: "Commands") -> None:
    evaluate = _command(
        commands,
        "evaluate",
        "measure a compiled model on one part of the data",
        "Runs the ONNX file window by window, as a device does, and reports accuracy, confusion and latency.",
        "factory evaluate build/watch/model.onnx --data package:seglearn-watch --split test --json",
    )
    evaluate.add_argument("model", type=Path, metavar="MODEL.onnx", help="a model that `factory build` made")
    _add_data(evaluate)
    evaluate.add_argument(
        "--split", choices=tuple(PARTS), default="test", help="which part of the data (default: test)"
    )


def _add_push(commands: "Commands") -> None:
    push = _command(
        commands,
        "push",
        "bring a model to a device or a group",
        "Asks the running `factory serve` to sign the model for these devices and waits until they run it or say why "
        "not.",
        "factory push build/watch/model.onnx --to my-pi\nfactory push 3fa2b1 --to greenhouse --no-wait",
    )
    push.add_argument(
        "model", metavar="MODEL", help="a model file that `factory build` made, or the beginning of its digest"
    )
    push.add_argument("--to", required=True, metavar="DEVICE|GROUP", help="a device or a group of devices")
    push.add_argument("--no-wait", action="store_true", help="ask and return; the operator page shows how it goes")
    push.add_argument(
        "--timeout-s", type=float, default=150.0, metavar="S", help="how long to wait (default: %(default)g)"
    )


def _add_serve(commands: "Commands") -> None:
    serve = _command(
        commands,
        "serve",
        "run the fleet service and the operator page",
        "Talks to the devices over MQTT, carries out pushes, and shows the fleet. Without a broker in factory.toml it "
        "starts one on loopback, for development.",
        "factory serve\nfactory serve --port 9000 --login-link",
    )
    serve.add_argument("--host", default=None, help="address of the operator page (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=None, help="port of the operator page (default: 8080)")
    serve.add_argument(
        "--login-link", action="store_true", help="print a one-time link that signs in the administrator"
    )


def _add_enrol(commands: "Commands") -> None:
    enrol = _command(
        commands,
        "enrol",
        "make a Raspberry Pi a device of this fleet",
        "Writes the file that tells the device who it is, which broker it talks to and whose signatures it trusts.",
        "factory enrol my-pi --group greenhouse\n"
        "factory enrol my-pi --broker mqtts://broker.example:8883 --ca ca.pem --certificate my-pi.pem --key my-pi.key",
    )
    enrol.add_argument("device", metavar="DEVICE", help="its name: a-z, 0-9 and '-'")
    enrol.add_argument("--group", default="default", help="the group it belongs to (default: %(default)s)")
    enrol.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write the file (default: DEVICE.enrolment.json)"
    )
    enrol.add_argument("--broker", metavar="URL", help="the broker as the device reaches it (default: the factory's)")
    enrol.add_argument("--username", help="the device's name at the broker")
    enrol.add_argument("--password-file", type=Path, metavar="FILE", help="holds the device's password at the broker")
    for name, what in (
        ("ca", "the broker's authority"),
        ("certificate", "the device's certificate"),
        ("key", "its key"),
    ):
        enrol.add_argument(f"--{name}", type=Path, metavar="PEM", help=f"{what}, for mqtts://")


def _add_demo(commands: "Commands") -> None:
    demo = _command(
        commands,
        "demo",
        "the whole loop on real data, in a few minutes",
        "Builds a model from real recordings, signs it, starts a broker, the page and a real agent, pushes the model, "
        "and compares the accuracy the device reports with the one the factory measured. Killed and started again, it "
        "goes on from there.",
        "factory demo\nfactory demo --exit --json",
        home=Path("build/demo"),
    )
    _add_data(demo, default="package:seglearn-watch")
    _add_budget(demo, minutes=4.0, trials=16, max_kb=64.0)
    demo.add_argument(
        "--speed", type=float, default=60.0, help="how many times faster than recorded to replay (default: %(default)g)"
    )
    demo.add_argument(
        "--port", type=int, default=8080, help="port of the operator page (default: %(default)d, or a free one)"
    )
    end = demo.add_mutually_exclusive_group()
    end.add_argument("--exit", action="store_true", help="end when the report is written (default without a terminal)")
    end.add_argument("--stay", action="store_true", help="leave the page up until Ctrl-C (default on a terminal)")


def _command(
    commands: "Commands",
    name: str,
    summary: str,
    description: str,
    examples: str,
    home: Path | None = None,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=summary,
        description=description if "\n" in description else textwrap.fill(description, 100),
        epilog=_epilog(examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = home or Path(os.environ.get(HOME_VARIABLE, Path.home() / ".local/share/cygnet"))
    parser.add_argument(
        "--home", type=Path, default=default, help="the factory's folder: registry, models, keys (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--verbose", action="store_true", help="log what happens")
    return parser


def _epilog(examples: str) -> str:
    shown = "\n".join(f"  {line}" for line in examples.splitlines())
    return f"examples:\n{shown}\n\n{_EXIT_STATUS}"


def _add_data(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    note = "" if default is None else f" (default: {default})"
    parser.add_argument(
        "--data",
        default=default,
        required=default is None,
        metavar="FILE",
        help=f".npz, .csv or .parquet file, or package:NAME{note}",
    )
    parser.add_argument(
        "--task", type=Path, metavar="TASK.toml", help="names columns, rate, window and split (docs/operating.md)"
    )


def _add_budget(parser: argparse.ArgumentParser, minutes: float, trials: int | None, max_kb: float | None) -> None:
    parser.add_argument("--minutes", type=float, default=minutes, help="wall time to spend (default: %(default)g)")
    for name, kind, default, without, text in (
        ("trials", int, trials, "as time allows", "architectures to try at most"),
        ("max-kb", float, max_kb, "no limit", "largest ONNX file, kB of 1000 bytes"),
        ("max-macs", int, None, "no limit", "most multiply-accumulates a window"),
    ):
        shown = without if default is None else f"{default:g}"
        parser.add_argument(f"--{name}", type=kind, default=default, help=f"{text} (default: {shown})")
    parser.add_argument(
        "--seed", type=int, default=0, help="same data, budget and seed: same model (default: %(default)d)"
    )
