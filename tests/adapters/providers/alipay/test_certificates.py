"""Certificate mode: numbers as Alipay computes them, and chains that hold or don't."""

import hashlib
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from adapters.providers.alipay.certificates import (
    public_key_of,
    read_certificates,
    serial_of,
    serials_of_roots,
    vouched_for,
)
from adapters.providers.alipay.keys import Keys
from tests.adapters.providers.alipay.authority import (
    NOW,
    YEAR,
    certificate_mode,
    certified,
    elliptic_root,
    issuing,
    name_of,
    pem,
    root,
    short_key,
    sm2_root,
)
from tests.adapters.providers.alipay.desk import bare_private, config, private_key

SERIAL = 321355550302999096002055153106274918145  # as long as they get


def test_a_number_is_made_of_the_issuer_and_the_decimal_serial():
    """Most special part first, commas without a space and escaped inside, Chinese as it is."""
    text = r"CN=issuing 一号,OU=Authority,O=Ant\, Test,C=CN321355550302999096002055153106274918145"

    number = serial_of(certified("alipay", "issuing", serial=SERIAL))

    assert number == hashlib.md5(text.encode()).hexdigest()


def test_of_the_root_file_only_the_rsa_members_count_in_their_order():
    roots = read_certificates(pem(sm2_root(), root(), elliptic_root(), root("older root")))

    numbers = serials_of_roots(roots)

    assert numbers == f"{serial_of(root())}_{serial_of(root('older root'))}"


ALIPAY = certified("alipay", "issuing")
CHAINS = {
    "an issuer between": (ALIPAY, [issuing()], [root()], True),
    "no issuer needed": (certified("alipay", "root"), [], [root()], True),
    "the right root among others": (
        ALIPAY,
        [root("stranger"), issuing()],
        [sm2_root(), elliptic_root(), root("older root"), root()],
        True,
    ),
    "no issuer": (ALIPAY, [], [root()], False),
    "no root": (ALIPAY, [issuing()], [], False),
    "another root": (ALIPAY, [issuing(), root()], [root("older root")], False),
    "a certificate of its own": (certified("alipay", "alipay", ca=True), [], [root()], False),
    "vouched for by a merchant": (
        certified("stranger", "app"),
        [certified("app", "issuing"), issuing()],
        [root()],
        False,
    ),
    "vouched for by somebody who doesn't say that they may": (
        certified("stranger", "app"),
        [certified("app", "root", ca=None)],
        [root()],
        False,
    ),
    "an issuer for whom another root vouches": (
        certified("alipay", "issuing"),
        [certified("issuing", "stranger", ca=True)],
        [root("stranger")],
        True,
    ),
    "ended": (certified("alipay", "issuing", ends=NOW - YEAR / 2), [issuing()], [root()], False),
    "not begun": (
        certified("alipay", "issuing", begins=NOW + YEAR / 2),
        [issuing()],
        [root()],
        False,
    ),
    "an issuer that ended": (
        ALIPAY,
        [certified("issuing", "root", ca=True, ends=NOW - timedelta(days=1))],
        [root()],
        False,
    ),
    "a root that ended": (
        ALIPAY,
        [issuing()],
        [certified("root", "root", ca=True, ends=NOW - timedelta(days=1))],
        False,
    ),
    "a circle": (
        certified("alipay", "issuing"),
        [certified("issuing", "app", ca=True), certified("app", "issuing", ca=True)],
        [root()],
        False,
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_holds_or_not(name):
    leaf, between, roots, holds = CHAINS[name]

    assert vouched_for(leaf, between, roots, at=NOW) is holds


def test_a_signature_that_only_pretends_to_be_the_issuers_breaks_the_chain():
    forged = (
        x509.CertificateBuilder(
            name_of("issuing"), name_of("alipay"), private_key("stranger").public_key(), 5
        )
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
        .sign(private_key("stranger"), hashes.SHA256())
    )

    assert not vouched_for(forged, [issuing()], [root()], at=NOW)


def test_a_short_or_foreign_key_is_not_believed():
    weak = (
        x509.CertificateBuilder(name_of("root"), name_of("weak"), short_key().public_key(), 5)
        .not_valid_before(NOW - YEAR)
        .not_valid_after(NOW + YEAR)
        .sign(private_key("root"), hashes.SHA256())
    )

    for certificate in (weak, elliptic_root(), sm2_root()):
        with pytest.raises(ValueError, match="2048"):
            public_key_of(certificate)


def test_the_account_names_its_certificates():
    keys = Keys.load(config(**certificate_mode()))

    assert keys.serials == {
        "app_cert_sn": serial_of(certified("app", "issuing", serial=11)),
        "alipay_root_cert_sn": serials_of_roots([root(), root("older root")]),
    }


@pytest.mark.parametrize("missing", certificate_mode())
def test_half_a_certificate_mode_stops_the_start(missing):
    if missing == "alipay_public_key":
        Keys.load(config(**certificate_mode()))  # this one is not needed
        return
    with pytest.raises(ValueError, match=missing):
        config(**certificate_mode(**{missing: ""}))


def test_neither_key_nor_certificates_stops_the_start():
    with pytest.raises(ValueError, match="alipay_public_key"):
        config(alipay_public_key="")


BAD = {
    "no certificate": ("alipay_certificate", "c2VjcmV0"),
    "another file": ("alipay_root_certificate", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0"),
    "of another key": ("app_certificate", pem(certified("stranger", "issuing"))),
    "of no RSA key": ("alipay_certificate", pem(elliptic_root())),
}


@pytest.mark.parametrize("case", BAD)
def test_a_certificate_that_is_of_no_use_stops_the_start_and_is_not_quoted(case):
    key, text = BAD[case]

    with pytest.raises(ValueError, match=key) as error:
        Keys.load(config(**certificate_mode(**{key: text})))

    assert "c2VjcmV0" not in str(error.value)


def test_secrets_do_not_show_in_either_mode():
    for settings in (config(), config(**certificate_mode())):
        assert bare_private("app") not in repr(settings)
