"""Certificate mode: the files that Alipay hands out, their numbers, and whom they vouch for.

Source: MAPPING.md §2.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate

from adapters.providers.signer import MIN_KEY_BITS

#: Signature algorithms of the RSA family; the root file also holds SM2 and ECDSA members.
RSA_FAMILY = "1.2.840.113549.1.1"

#: Alipay's chains have three links; more would be made to keep us busy.
MAX_LINKS = 6


def read_certificates(text: str) -> Sequence[Certificate]:
    """Read a PEM file, leaf first. Raises ValueError."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValueError("expected certificates, PEM") from None
    return found


def serial_of(certificate: Certificate) -> str:
    """Return Alipay's number of a certificate: MD5 of the issuer and the decimal serial."""
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def serials_of_roots(roots: Iterable[Certificate]) -> str:
    """Return the numbers of the root file's RSA members, in their order."""
    return "_".join(
        serial_of(root)
        for root in roots
        if root.signature_algorithm_oid.dotted_string.startswith(RSA_FAMILY)
    )


def public_key_of(certificate: Certificate) -> RSAPublicKey:
    """Return what its owner's signatures are checked with. Raises ValueError."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"expected a certificate of an RSA key of at least {MIN_KEY_BITS} bits")
    return key


def vouched_for(
    leaf: Certificate, between: Sequence[Certificate], roots: Sequence[Certificate], *, at: datetime
) -> bool:
    """Whether an unbroken chain of certificates that are valid now leads to one of the roots."""
    link = leaf
    for _ in range(MAX_LINKS):
        if not _is_valid(link, at):
            return False
        if any(_issued(root, link) and _is_valid(root, at) for root in roots):
            return True
        above = [each for each in between if each != link and _issued(each, link)]
        if not above:
            return False
        link = above[0]
    return False


def _issued(issuer: Certificate, certificate: Certificate) -> bool:
    """A merchant's certificate has a key too, but no right to vouch for others."""
    try:
        certificate.verify_directly_issued_by(issuer)
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def _is_valid(certificate: Certificate, at: datetime) -> bool:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begins <= at.astimezone(UTC) <= ends
