"""The private keys and what is signed with them."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata

from factory.errors import BadInput
from factory.release import Keyring
from protocol import trust
from protocol.errors import Untrusted
from protocol.messages import Reason
from protocol.trust import FileRef

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=30)


def test_keys_are_made_once_and_found_again(tmp_path: Path) -> None:
    first = Keyring.open(tmp_path / "keys", NOW)
    assert Keyring.open(tmp_path / "keys", LATER).root_document == first.root_document


def test_only_the_owner_can_read_the_keys(tmp_path: Path) -> None:
    Keyring.open(tmp_path / "keys", NOW)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()}
    assert modes == dict.fromkeys(["root.json", "root.pem", "release.pem", "deploy.pem"], 0o600)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_a_missing_key_is_named_and_no_new_one_is_made(tmp_path: Path) -> None:
    Keyring.open(tmp_path / "keys", NOW)
    (tmp_path / "keys" / "deploy.pem").unlink()
    with pytest.raises(BadInput, match=r"deploy.pem is missing.*backup"):
        Keyring.open(tmp_path / "keys", NOW)


def test_a_device_believes_the_release_and_the_desired_document(tmp_path: Path) -> None:
    keyring = Keyring.open(tmp_path / "keys", NOW)
    root = trust.pinned_root(keyring.root_document)
    release = keyring.sign_release(b"manifest", b"model", LATER)
    files = trust.verify_release(root, release)
    assert (files.manifest, files.model) == (FileRef.of(b"manifest"), FileRef.of(b"model"))

    document = keyring.sign_desired("home", "pi", 7, LATER, {"active": files.release})
    desired = trust.verify_desired(root, document, "home", "pi", trust.Seen())
    assert (desired.rev, desired.expires, dict(desired.slots)) == (7, LATER, {"active": FileRef.of(release)})


def test_the_deploy_key_cannot_make_a_release_and_a_strangers_keys_nothing(tmp_path: Path) -> None:
    ours, theirs = (Keyring.open(tmp_path / name, NOW) for name in ("ours", "theirs"))
    root = trust.pinned_root(ours.root_document)
    for document in (theirs.sign_release(b"", b"x", LATER), _signed_with_deploy_key(tmp_path / "ours")):
        with pytest.raises(Untrusted) as refused:
            trust.verify_release(root, document)
        assert refused.value.reason == Reason.WRONG_KEY


def _signed_with_deploy_key(folder: Path) -> bytes:
    """A release as somebody would sign it who has stolen the online key alone."""
    root = trust.pinned_root((folder / "root.json").read_bytes())
    deploy = root.keys[root.roles["targets"].keyids[0]]
    document = Metadata(trust.release_payload(b"manifest", b"model", LATER))
    document.sign(Signer.from_priv_key_uri(f"file2:{folder / 'deploy.pem'}", deploy))
    return document.to_bytes()
