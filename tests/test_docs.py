"""What people are told is what there is: commands, options, settings, the two commands of the README."""

import argparse
import re
from dataclasses import fields
from pathlib import Path

import pytest

import edge_agent.config
import factory.config
from factory.commands.options import parser

ROOT = Path(__file__).parents[1]
OPERATING = (ROOT / "docs" / "operating.md").read_text()
README = (ROOT / "README.md").read_text()
COMMANDS = next(action for action in parser()._actions if isinstance(action, argparse._SubParsersAction)).choices


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_of_the_factory_is_in_the_docs_and_teaches(command: str) -> None:
    assert f"factory {command}" in OPERATING + README
    shown = COMMANDS[command].format_help()
    assert f"factory {command}" in shown.partition("examples:")[2]
    assert "exit status:" in shown


@pytest.mark.parametrize("command", ["run", "enrol", "doctor"])
def test_every_command_of_the_agent_is_in_the_docs(command: str) -> None:
    assert f"edge-agent {command}" in OPERATING


@pytest.mark.parametrize(
    "section",
    [
        factory.config.BrokerConfig,
        factory.config.DatabaseConfig,
        factory.config.WebConfig,
        factory.config.BuildConfig,
        factory.config.Limits,
        edge_agent.config.Limits,
        edge_agent.config.ReportSettings,
        edge_agent.config.BrokerSettings,
    ],
    ids=lambda kind: f"{kind.__module__}.{kind.__name__}",
)
def test_every_setting_is_in_the_docs(section: type) -> None:
    settings = set(re.findall(r"^([a-z_]+) = ", OPERATING, re.MULTILINE))
    assert {field.name for field in fields(section)} <= settings


def test_the_readme_names_the_commands_that_the_makefile_has_and_ci_runs() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"^make ([a-z]+)", README, re.MULTILINE)
    assert set(named) == {"demo", "test"} <= set(targets)
    assert (ROOT / ".ci" / "run").read_text().rstrip().endswith("make test")


@pytest.mark.parametrize("file", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_every_link_to_a_file_leads_to_one(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text()):
        assert (file.parent / target).exists(), target
