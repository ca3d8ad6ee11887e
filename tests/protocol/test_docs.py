"""docs/protocol.md says everything the code does: each topic, message, field, state, reason and limit."""

import re
from pathlib import Path

import msgspec
import pytest

from protocol import chunks, codec, manifest, topics, trust
from protocol.messages import Message, Reason, State
from protocol.version import PROTOCOL_VERSION
from tests.support.wire import MESSAGES, PARTS

DOC = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
CODE_WORDS = set(re.findall(r"`([^`\n]+)`", DOC))


def fields(kind: type[msgspec.Struct]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind)} - {"extra"}


def section(name: str) -> str:
    """The text under a heading, up to the next one of any level."""
    found = re.search(rf"^### {name}$(.*?)^##", DOC, re.MULTILINE | re.DOTALL)
    assert found, f"docs/protocol.md has no section {name}"
    return found.group(1)


@pytest.mark.parametrize("kind", topics.FROM_DEVICE + topics.TO_DEVICE)
def test_every_topic_is_documented(kind: str) -> None:
    assert f"ef/{PROTOCOL_VERSION}/{{fleet}}/{{device}}/{kind}" in CODE_WORDS


def test_the_topics_of_blobs_are_documented() -> None:
    assert f"ef/{PROTOCOL_VERSION}/blob/{{sha}}" in CODE_WORDS
    assert f"ef/{PROTOCOL_VERSION}/{{fleet}}/{{device}}/blob/{{sha8}}/{{i}}" in CODE_WORDS


@pytest.mark.parametrize("kind", MESSAGES, ids=lambda kind: kind.__name__)
def test_every_field_of_a_message_is_documented_in_its_section(kind: type[Message]) -> None:
    documented = set(re.findall(r"`(\w+)`", section(kind.__name__)))
    assert fields(kind) - documented == set()


@pytest.mark.parametrize(
    "kind", [*PARTS, manifest.Manifest, manifest.ModelFacts, manifest.Golden], ids=lambda k: k.__name__
)
def test_every_field_of_what_is_inside_another_is_documented(kind: type[msgspec.Struct]) -> None:
    assert fields(kind) - CODE_WORDS == set()


@pytest.mark.parametrize("word", [*State, *Reason])
def test_every_state_and_reason_has_a_row_that_says_what_it_means(word: str) -> None:
    assert re.search(rf"^\| `{word}` \| \S.* \| \S.* \|$", DOC, re.MULTILINE)


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        ("packet, topic included", codec.MAX_PACKET_BYTES),
        ("message", codec.MAX_MESSAGE_BYTES),
        ("unknown fields of a message", codec.MAX_EXTRA_BYTES),
        ("signed document", trust.MAX_DOCUMENT_BYTES),
        ("manifest", manifest.MAX_MANIFEST_BYTES),
        ("blob", chunks.MAX_BLOB_BYTES),
        ("piece; blob that is retained whole", chunks.CHUNK_BYTES),
        ("piece; blob that is retained whole", chunks.INLINE_BYTES),
    ],
)
def test_the_documented_limits_are_those_of_the_code(limit: str, value: int) -> None:
    written = f"{value // 2**20} MiB" if value % 2**20 == 0 else f"{value // 2**10} KiB"
    assert f"| {limit} | {written} |" in DOC


def test_the_documented_nesting_is_that_of_the_code() -> None:
    assert f"| nesting | {codec.MAX_DEPTH} levels |" in DOC


def test_the_golden_files_are_where_the_document_says() -> None:
    assert f"`tests/golden/v{PROTOCOL_VERSION}/`" in DOC
