"""The bytes on the wire are those of the golden files, and mean what they meant."""

from pathlib import Path

import pytest

from protocol import codec, manifest, trust
from protocol.messages import Message
from protocol.topics import FROM_DEVICE
from protocol.trust import FileRef, Seen
from protocol.version import PROTOCOL_VERSION
from tests.golden import examples, generate
from tests.support import wire

FILES = generate.folder(Path(generate.__file__).parent)


def test_the_wire_has_the_bytes_it_had() -> None:
    assert generate.faults(FILES, examples.files()) == []


def test_every_message_has_an_example() -> None:
    assert {type(message) for message in examples.MESSAGES.values()} == set(wire.MESSAGES)
    assert {kind.replace("/", "-") for kind in FROM_DEVICE} <= set(examples.MESSAGES)


@pytest.mark.parametrize("name", examples.MESSAGES)
def test_a_golden_message_is_read_as_it_was_meant_and_written_back_byte_for_byte(name: str) -> None:
    meant: Message = examples.MESSAGES[name]
    wire_bytes = (FILES / f"{name}.json").read_bytes()
    assert codec.decode(wire_bytes, type(meant)) == meant
    assert codec.encode(codec.decode(wire_bytes, type(meant))) == wire_bytes
    assert meant.extra


def test_the_golden_manifest_is_read_and_written_back_byte_for_byte() -> None:
    wire_bytes = (FILES / "manifest.json").read_bytes()
    assert manifest.encode(manifest.decode(wire_bytes)) == wire_bytes


def test_a_device_with_the_golden_root_trusts_the_golden_documents() -> None:
    root = trust.pinned_root((FILES / "root-1.json").read_bytes())
    release = (FILES / "release.json").read_bytes()
    desired = trust.verify_desired(root, (FILES / "desired.json").read_bytes(), "gym", "pi-1", Seen())
    assert (desired.rev, desired.slots) == (2, {"active": FileRef.of(release)})
    files = trust.verify_release(root, release)
    assert files.manifest == FileRef.of((FILES / "manifest.json").read_bytes())
    assert files.model == FileRef.of(examples.MODEL)
    assert trust.rotate(root, (FILES / "root-2.json").read_bytes()).version == 2


def test_the_generator_writes_every_file_and_then_finds_nothing_wrong(tmp_path: Path) -> None:
    assert generate.main(["--check"], tmp_path) == 1
    assert not generate.folder(tmp_path).exists()
    assert generate.main([], tmp_path) == 0
    assert generate.main(["--check"], tmp_path) == 0
    assert {path.name for path in generate.folder(tmp_path).iterdir()} == set(examples.files())


def test_other_bytes_are_refused_with_what_to_do_and_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate.main([], tmp_path)
    changed = generate.folder(tmp_path) / "status.json"
    changed.write_bytes(b"{}")
    assert generate.main([], tmp_path) == 1
    assert changed.read_bytes() == b"{}"
    assert "status.json would now have other bytes" in (text := capsys.readouterr().err)
    assert f"speak version {PROTOCOL_VERSION} as it was" in text
    assert "raise PROTOCOL_VERSION in protocol/version.py" in text


def test_a_message_cannot_be_dropped_silently(tmp_path: Path) -> None:
    generate.main([], tmp_path)
    kept = {name: content for name, content in examples.files().items() if name != "m.json"}
    [fault] = generate.faults(generate.folder(tmp_path), kept)
    assert fault.startswith("m.json is no longer produced")
