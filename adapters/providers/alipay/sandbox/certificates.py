"""Certificates as Alipay's files hold them, and their numbers. Source: REFERENCE.md §2.6."""

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

#: Signatures of this family count for the number of a root file; SM2 and ECDSA are passed over.
RSA_FAMILY = "1.2.840.113549.1.1"

#: An Alipay certificate lives about five years, its authorities longer.
LEAF_YEARS, AUTHORITY_YEARS = 5, 20

# Object identifiers in DER. Of each pair both take the same room, so one may be written over the
# other where no library signs with the wanted algorithm any more.
_SHA256_RSA, _SHA1_RSA = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
_SHA256_ECDSA, _SM3_SM2 = bytes.fromhex("2a8648ce3d040302"), bytes.fromhex("2a811ccf55018375")
_P256, _SM2 = bytes.fromhex("2a8648ce3d030107"), bytes.fromhex("2a811ccf5501822d")


def number_of(certificate: x509.Certificate) -> str:
    """Alipay's number of a certificate: MD5 over its issuer and its decimal serial number."""
    text = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def number_of_roots(certificates: Iterable[x509.Certificate]) -> str:
    """The numbers of a root file's RSA members, in the order of the file."""
    return "_".join(
        number_of(each)
        for each in certificates
        if each.signature_algorithm_oid.dotted_string.startswith(RSA_FAMILY)
    )


def name(common_name: str) -> x509.Name:
    """A name of several parts, written from the country down as in real certificates."""
    parts = {
        NameOID.COUNTRY_NAME: "CN",
        NameOID.ORGANIZATION_NAME: "Simulated Ant Financial",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "Certification Authority",
        NameOID.COMMON_NAME: common_name,
    }
    return x509.Name([x509.NameAttribute(oid, text) for oid, text in parts.items()])


ROOT, AUTHORITY = name("Simulated Root Authority R1"), name("Simulated Authority Class 2 R1")


def root_file(key: RSAPrivateKey) -> str:
    """Four roots, as in the real file: SM2, RSA, ECDSA, and RSA with SHA-1."""
    owner = name("Simulated Root Authority E1")
    curve = ec.generate_private_key(ec.SECP384R1())
    ecdsa = _unsigned(curve.public_key(), owner, owner, is_authority=True).sign(
        curve, hashes.SHA384()
    )
    return _sm2_root() + _pem(_rsa_root(key, ROOT)) + _pem(ecdsa) + _sha1_root(key)


def authority(key: RSAPrivateKey, root: RSAPrivateKey) -> str:
    """The authority between the root and everybody's certificates."""
    return _pem(
        _unsigned(key.public_key(), AUTHORITY, ROOT, is_authority=True).sign(root, hashes.SHA256())
    )


def leaf(common_name: str, key: RSAPrivateKey, signer: RSAPrivateKey) -> str:
    """A certificate of one key, issued by the authority."""
    unsigned = _unsigned(key.public_key(), name(common_name), AUTHORITY, is_authority=False)
    return _pem(unsigned.sign(signer, hashes.SHA256()))


def _rsa_root(key: RSAPrivateKey, owner: x509.Name) -> x509.Certificate:
    unsigned = _unsigned(key.public_key(), owner, owner, is_authority=True)
    return unsigned.sign(key, hashes.SHA256())


def _sha1_root(key: RSAPrivateKey) -> str:
    """Relabel a root and sign it anew: the library makes no SHA-1 certificates any more."""
    made = _rsa_root(key, name("Simulated Root Authority R0"))
    content = made.tbs_certificate_bytes.replace(_SHA256_RSA, _SHA1_RSA)
    signature = key.sign(content, PKCS1v15(), hashes.SHA1())  # noqa: S303 - as in the real file
    der = made.public_bytes(Encoding.DER).replace(_SHA256_RSA, _SHA1_RSA)
    return _pem(x509.load_der_x509_certificate(der.replace(made.signature, signature)))


def _sm2_root() -> str:
    """A root whose key and signature nobody here can read; its number must not count."""
    owner = name("Simulated Root Authority S1")
    curve = ec.generate_private_key(ec.SECP256R1())
    unsigned = _unsigned(curve.public_key(), owner, owner, is_authority=True)
    der = unsigned.sign(curve, hashes.SHA256()).public_bytes(Encoding.DER)
    der = der.replace(_SHA256_ECDSA, _SM3_SM2).replace(_P256, _SM2)
    return _pem(x509.load_der_x509_certificate(der))


def _unsigned(
    key: CertificatePublicKeyTypes, subject: x509.Name, issuer: x509.Name, *, is_authority: bool
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    years = AUTHORITY_YEARS if is_authority else LEAF_YEARS
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=years * 365))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
