"""A private mosquitto on loopback with TLS, client certificates and an access list: a broker as a fleet has it."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.require import require

PROGRAM = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
START_S = 10.0

_CONFIG = """\
listener {port} 127.0.0.1
cafile {folder}/ca.pem
certfile {folder}/broker.pem
keyfile {folder}/broker.key
require_certificate true
use_identity_as_username true
acl_file {folder}/acl
allow_anonymous false
max_queued_messages 0
log_dest file {folder}/mosquitto.log
user root
"""

# A device may speak and listen under its own name, and read blobs; its certificate's common name is its user name.
_ACCESS = """\
user {fleet}.factory
topic readwrite ef/1/#

pattern write ef/1/{fleet}/%u/status
pattern write ef/1/{fleet}/%u/birth
pattern write ef/1/{fleet}/%u/reported
pattern write ef/1/{fleet}/%u/job
pattern write ef/1/{fleet}/%u/m
pattern write ef/1/{fleet}/%u/blob/get
pattern write ef/1/{fleet}/%u/label/receipt
pattern read ef/1/{fleet}/%u/desired
pattern read ef/1/{fleet}/%u/label
pattern read ef/1/{fleet}/%u/receipt
pattern read ef/1/{fleet}/%u/blob/#
pattern read ef/1/blob/#
"""


@dataclass(frozen=True)
class Pem:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test authority")
        builder = self._builder(self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), True
        )
        usage = x509.KeyUsage(*(place in (5, 6) for place in range(9)))  # signs certificates and revocation lists
        self.certificate = folder / "ca.pem"
        self.certificate.write_bytes(_pem(builder.add_extension(usage, True).sign(self._key, hashes.SHA256())))

    def issue(self, common_name: str) -> Pem:
        """A certificate for a client, or for a server on 127.0.0.1."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
        signed = self._builder(_name(common_name), key).add_extension(names, False).sign(self._key, hashes.SHA256())
        pem = Pem(self._folder / f"{common_name}.pem", self._folder / f"{common_name}.key")
        pem.certificate.write_bytes(_pem(signed))
        plain = serialization.NoEncryption()
        pem.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
        return pem

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(identifier, False)
            .add_extension(issuer, False)
        )


@dataclass(frozen=True)
class Mosquitto:
    """A running broker, and who can make certificates for it."""

    url: str
    authority: Authority
    folder: Path


@contextlib.contextmanager
def mosquitto(folder: Path, fleet: str) -> Iterator[Mosquitto]:
    """A broker for one fleet, until the block ends."""
    require("mosquitto", PROGRAM is not None, "install Debian's package mosquitto")
    folder.mkdir(parents=True)
    authority = Authority(folder)
    authority.issue("broker")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "acl").write_text(_ACCESS.format(fleet=fleet))
    (folder / "acl").chmod(0o600)
    (folder / "mosquitto.conf").write_text(_CONFIG.format(port=port, folder=folder))
    process = subprocess.Popen([str(PROGRAM), "-c", str(folder / "mosquitto.conf")])
    try:
        _await_port(port, process)
        yield Mosquitto(f"mqtts://127.0.0.1:{port}", authority, folder)
    finally:
        process.terminate()
        process.wait(10)


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        assert process.poll() is None, f"mosquitto ended with status {process.returncode}"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
            return
        time.sleep(0.05)
    raise AssertionError("mosquitto does not listen")


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
