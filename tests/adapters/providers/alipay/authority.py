"""Who vouches for whom in certificate mode: a root, an issuing authority, and their customers."""

from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID

from tests.adapters.providers.alipay.desk import private_key

NOW = datetime(2026, 1, 15, 2, 0, tzinfo=UTC)
YEAR = timedelta(days=365)

#: ecdsa-with-SHA256 and SM2-with-SM3 have equally long names, so one can be put for the other.
ECDSA, SM2 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a811ccf55018375")


def name_of(owner: str) -> x509.Name:
    """A name whose parts come in the order of the certificate: country first."""
    parts = {
        NameOID.COUNTRY_NAME: "CN",
        NameOID.ORGANIZATION_NAME: "Ant, Test",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "Authority",
        NameOID.COMMON_NAME: f"{owner} 一号",
    }
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])


@cache
def certified(
    owner: str,
    by: str,
    *,
    serial: int = 7,
    ca: bool | None = False,
    begins: datetime = NOW - YEAR,
    ends: datetime = NOW + YEAR,
) -> Certificate:
    """The certificate of `owner`'s key, given out `by` somebody; `ca` None: it doesn't say."""
    builder = (
        x509.CertificateBuilder(name_of(by), name_of(owner), private_key(owner).public_key())
        .serial_number(serial)
        .not_valid_before(begins)
        .not_valid_after(ends)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, None), critical=True)
    return builder.sign(private_key(by), hashes.SHA256())


def root(owner: str = "root") -> Certificate:
    return certified(owner, owner, ca=True)


def issuing() -> Certificate:
    return certified("issuing", "root", ca=True)


@cache
def elliptic_root() -> Certificate:
    """A member of the root file that is not of the RSA family."""
    key = ec.generate_private_key(ec.SECP256R1())
    return (
        x509.CertificateBuilder(name_of("ecc"), name_of("ecc"), key.public_key(), 9)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
        .sign(key, hashes.SHA256())
    )


def sm2_root() -> Certificate:
    """Likewise, of the Chinese scheme; its signature is nonsense and nobody asks."""
    der = elliptic_root().public_bytes(Encoding.DER)
    assert der.count(ECDSA) == 2
    return x509.load_der_x509_certificate(der.replace(ECDSA, SM2))


@cache
def short_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)


def pem(*certificates: Certificate) -> str:
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)


def certificate_mode(**changes: str) -> dict[str, str]:
    """The settings of an account in certificate mode."""
    return {
        "alipay_public_key": "",
        "app_certificate": pem(certified("app", "issuing", serial=11)),
        "alipay_certificate": pem(certified("alipay", "issuing", serial=12), issuing()),
        "alipay_root_certificate": pem(sm2_root(), root(), elliptic_root(), root("older root")),
    } | changes
