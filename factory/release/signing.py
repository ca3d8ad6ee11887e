"""The private keys: the only file that reads them or makes a signature.

Three keys, by what their theft would cost (rules in `protocol.trust`): `root` names the others, `release` says which
models exist, `deploy` says which device gets which of them.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.metadata import Metadata, Root

from factory.errors import BadInput
from protocol import trust

_ROLE_KEY = {"root": "root", "snapshot": "release", "targets": "deploy", "timestamp": "deploy"}
_KEY_NAMES = ("root", "release", "deploy")
_ROOT_VALID = timedelta(days=3650)


class Keyring:
    """The factory's keys in one folder: `root.json` (public) and a private key a file, readable by their owner
    alone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.root_document = (folder / "root.json").read_bytes()
        self._public = trust.pinned_root(self.root_document)

    @classmethod
    def open(cls, folder: Path, now: datetime) -> "Keyring":
        """The keys in `folder`; makes them where the folder does not exist yet, all or none.

        Raises:
            BadInput: the folder exists but keys are missing from it.
        """
        if not folder.exists():
            _create(folder, now)
        missing = [
            name for name in ("root.json", *(f"{key}.pem" for key in _KEY_NAMES)) if not (folder / name).exists()
        ]
        if missing:
            raise BadInput(
                str(folder),
                f"{', '.join(missing)} is missing",
                "Restore it from a backup; new keys would be refused by every enrolled device",
            )
        return cls(folder)

    def sign_release(self, manifest: bytes, model: bytes, expires: datetime) -> bytes:
        """The signed release document that binds these two files."""
        document = Metadata(trust.release_payload(manifest, model, expires))
        document.sign(self._signer("snapshot"))
        return document.to_bytes()

    def sign_desired(
        self, fleet: str, device: str, rev: int, expires: datetime, slots: Mapping[str, trust.FileRef]
    ) -> bytes:
        """The signed document that tells one device what to hold in its slots."""
        document = Metadata(trust.desired_payload(fleet, device, rev, expires, slots))
        document.sign(self._signer("targets"))
        return document.to_bytes()

    def _signer(self, role: str) -> Signer:
        """The private key of a role."""
        keyid = self._public.roles[role].keyids[0]
        return Signer.from_priv_key_uri(f"file2:{self._folder / _ROLE_KEY[role]}.pem", self._public.keys[keyid])


def _create(folder: Path, now: datetime) -> None:
    """Make the keys and the Root that names them, in a temporary folder that takes its place at the end."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".keys-", dir=folder.parent))
    try:
        signers = {name: CryptoSigner.generate_ed25519() for name in _KEY_NAMES}
        expires = now.astimezone(UTC).replace(microsecond=0) + _ROOT_VALID
        root = Metadata(Root(version=1, spec_version=trust.SPEC_VERSION, expires=expires))
        for role, key in _ROLE_KEY.items():
            root.signed.add_key(signers[key].public_key, role)
        root.sign(signers["root"])
        for name, signer in signers.items():
            _write_private(draft / f"{name}.pem", signer.private_bytes)
        _write_private(draft / "root.json", root.to_bytes())
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
