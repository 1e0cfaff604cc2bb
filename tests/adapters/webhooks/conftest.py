"""Senders for one event loop, closed with it, and certificates nobody else trusts."""

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.clock import SystemClock
from adapters.webhooks.rules import Rules
from adapters.webhooks.sender import HttpSender

LOOPBACK = Rules(networks=("127.0.0.0/8", "::1/128"), any_port=True, plain_http=True)


@pytest.fixture
def new_sender(run) -> Iterator[Callable[..., HttpSender]]:
    """A sender under the given rules; by default loopback is allowed, and patience long."""
    made = []

    def new(rules: Rules = LOOPBACK, **more):
        times = {"total_seconds": 60.0, "connect_seconds": 60.0}
        sender = HttpSender(rules, SystemClock(), **(times | more))
        made.append(sender)
        return sender

    yield new
    for sender in made:
        run(sender.close())


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Path:
    """A self-signed certificate with its key, for 127.0.0.1 and shop.example."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    names = [x509.DNSName("shop.example"), x509.IPAddress(ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path: Path = tmp_path_factory.mktemp("tls") / "both.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def served_tls(certificate) -> ssl.SSLContext:
    """For a receiver."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context
