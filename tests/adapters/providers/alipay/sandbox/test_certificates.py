"""Certificate mode: whose numbers are checked, what answers carry, and keys that are replaced."""

import base64
import hashlib
import json
import re

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import PayerRefused

QUERY, DOWNLOAD = "alipay.trade.query", "alipay.open.app.alipaycert.download"


def number_of(certificate):
    """The rule once more, from the reference: MD5 of issuer and decimal serial number."""
    text = certificate.issuer.rfc4514_string() + str(certificate.serial_number)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def read(pem):
    return x509.load_pem_x509_certificates(pem.encode())


def credentials(shop):
    return shop.alipay.credentials("http://127.0.0.1:9")


def numbers(shop):
    """What an app in certificate mode sends along, worked out from the files it was given."""
    given = credentials(shop)
    rsa = [each for each in read(given["alipay_root_certificate"]) if "RSA" in algorithm_of(each)]
    return {
        "app_cert_sn": number_of(read(given["app_certificate"])[0]),
        "alipay_root_cert_sn": "_".join(map(number_of, rsa)),
    }


def algorithm_of(certificate):
    names = {
        "1.2.156.10197.1.501": "SM2",
        "1.2.840.113549.1.1.11": "RSA-SHA256",
        "1.2.840.113549.1.1.5": "RSA-SHA1",
        "1.2.840.10045.4.3.3": "ECDSA",
    }
    return names[certificate.signature_algorithm_oid.dotted_string]


def sends(shop, method=QUERY, content=(("out_trade_no", "T1"),), *, struck=None, **common):
    """One call in certificate mode; the raw answer."""
    parameters = shop.parameters(method, dict(content), **{**numbers(shop), **common})
    return shop.send(shop.signed(parameters), struck=struck)


def asks(shop, *given, **more):
    whole = json.loads(sends(shop, *given, **more))
    (name,) = whole.keys() - {"sign", "alipay_cert_sn"}
    return whole[name]


def downloads(shop, number):
    return asks(shop, DOWNLOAD, (("alipay_cert_sn", number),))


def signed_by(certificate, body):
    """Whether an answer was signed with the key of this certificate."""
    found = re.fullmatch(
        rb'\{"\w+_response":(\{.*\})(?:,"alipay_cert_sn":"\w+")?,"sign":"([^"]+)"\}', body
    )
    assert found is not None
    try:
        certificate.public_key().verify(base64.b64decode(found[2]), found[1], PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


@pytest.fixture
def own_ring():
    """Keys that a test may turn: everybody else shares one ring."""
    return KeyRing()


@pytest.fixture
def turning(own_ring, shop):
    """A shop whose Alipay has keys of its own."""
    return type(shop)(own_ring)


def test_the_root_file_holds_what_the_real_one_holds(shop):
    roots = read(credentials(shop)["alipay_root_certificate"])

    assert [algorithm_of(each) for each in roots] == ["SM2", "RSA-SHA256", "ECDSA", "RSA-SHA1"]
    with pytest.raises((UnsupportedAlgorithm, ValueError)):
        roots[0].public_key()
    for root in (roots[1], roots[3]):
        root.public_key().verify(
            root.signature,
            root.tbs_certificate_bytes,
            PKCS1v15(),
            root.signature_hash_algorithm,
        )


def test_the_chain_leads_from_alipay_over_its_authority_to_a_root(shop):
    given = credentials(shop)
    leaf, authority = read(given["alipay_certificate"])

    leaf.verify_directly_issued_by(authority)
    authority.verify_directly_issued_by(read(given["alipay_root_certificate"])[1])
    read(given["app_certificate"])[0].verify_directly_issued_by(authority)
    assert leaf.public_key() == load_pem_public_key(given["alipay_public_key"].encode())
    assert leaf.issuer.rfc4514_string().startswith("CN=")


def test_an_answer_names_the_certificate_whose_key_signed_it(shop):
    body = sends(shop)

    (leaf, *_) = read(credentials(shop)["alipay_certificate"])
    assert json.loads(body)["alipay_cert_sn"] == number_of(leaf)
    assert list(json.loads(body))[1:] == ["alipay_cert_sn", "sign"]
    assert signed_by(leaf, body)


def test_callers_without_numbers_get_none(shop):
    body = shop.send(shop.signed(shop.parameters(QUERY, {"out_trade_no": "T1"})))

    assert "alipay_cert_sn" not in json.loads(body)


@pytest.mark.parametrize(
    ("wrong", "code", "sub_code"),
    [
        ({"app_cert_sn": ""}, "40001", "isv.missing-app-cert-sn"),
        ({"alipay_root_cert_sn": ""}, "40001", "isv.missing-alipay-root-cert-sn"),
        ({"app_cert_sn": "0" * 32}, "40002", "isv.app-cert-not-exist"),
        ({"alipay_root_cert_sn": "0" * 32}, "40002", "isv.invalid-alipay-root-cert-sn"),
    ],
)
def test_a_number_that_is_missing_or_wrong_is_refused(shop, wrong, code, sub_code):
    refusal = asks(shop, **wrong)

    assert (refusal["code"], refusal["sub_code"]) == (code, sub_code)


def test_an_app_that_changed_over_must_send_its_numbers(open_shop):
    shop = open_shop(demands_certificates=True)

    assert shop.queries()["sub_code"] == "isv.missing-app-cert-sn"
    assert asks(shop)["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_the_certificate_in_use_can_be_fetched_by_its_number(shop):
    given = credentials(shop)["alipay_certificate"]

    answer = downloads(shop, number_of(read(given)[0]))

    assert base64.b64decode(answer["alipay_cert_content"]).decode() == given


@pytest.mark.parametrize("number", ["0" * 32, ""])
def test_a_certificate_nobody_issued_cannot_be_fetched(shop, number):
    assert downloads(shop, number)["sub_code"] == "isv.alipay-cert-not-exist"


def test_a_reissued_certificate_keeps_the_key_and_has_another_number(turning):
    (old, *_) = read(credentials(turning)["alipay_certificate"])

    turning.alipay.turn_keys("reissue_certificate")

    body = sends(turning)
    number = json.loads(body)["alipay_cert_sn"]
    assert number != number_of(old)
    assert signed_by(old, body)
    fetched = base64.b64decode(downloads(turning, number)["alipay_cert_content"]).decode()
    assert number_of(read(fetched)[0]) == number


def test_an_announced_certificate_can_be_fetched_and_signs_nothing_yet(turning):
    (old, *_) = read(credentials(turning)["alipay_certificate"])

    turning.alipay.turn_keys("announce_certificate")

    (new, *_) = read(credentials(turning)["next_alipay_certificate"])
    assert new.public_key() != old.public_key()
    assert downloads(turning, number_of(new))["code"] == "10000"
    assert signed_by(old, sends(turning))


def test_from_the_turn_on_answers_and_notices_are_signed_with_the_new_key(turning):
    (old, *_) = read(credentials(turning)["alipay_certificate"])
    turning.sells()
    turning.alipay.turn_keys("announce_certificate")
    turning.alipay.turn_keys("sign_with_new_certificate")

    (new, *_) = read(credentials(turning)["alipay_certificate"])
    body = sends(turning)

    assert json.loads(body)["alipay_cert_sn"] == number_of(new)
    assert (signed_by(new, body), signed_by(old, body)) == (True, False)
    assert "next_alipay_certificate" not in credentials(turning)
    (notice,) = turning.notices()
    signature, _ = notice.pop("sign"), notice.pop("sign_type")
    text = "&".join(f"{name}={value}" for name, value in sorted(notice.items()))
    new.public_key().verify(base64.b64decode(signature), text.encode(), PKCS1v15(), SHA256())


def test_the_old_certificate_can_be_fetched_until_it_is_retired(turning):
    (old, *_) = read(credentials(turning)["alipay_certificate"])
    turning.alipay.turn_keys("announce_certificate")
    turning.alipay.turn_keys("sign_with_new_certificate")

    before = downloads(turning, number_of(old))
    turning.alipay.turn_keys("retire_old_certificate")
    after = downloads(turning, number_of(old))

    assert (before["code"], after["sub_code"]) == ("10000", "isv.alipay-cert-not-exist")


@pytest.mark.parametrize("step", ["sign_with_new_certificate", "retire_old_certificate"])
def test_no_step_is_done_out_of_turn(turning, step):
    with pytest.raises(PayerRefused):
        turning.alipay.turn_keys(step)


def test_a_turn_outlives_the_process(turning):
    turning.alipay.turn_keys("announce_certificate")
    turning.alipay.turn_keys("sign_with_new_certificate")
    signing = credentials(turning)["alipay_public_key"]

    again = AlipaySandbox(turning.world)

    assert again.credentials("http://127.0.0.1:9")["alipay_public_key"] == signing


def test_an_answer_may_name_a_certificate_nobody_knows(shop):
    flaw = {"unknown_serial": Fault(kind="unknown_serial")}

    number = json.loads(sends(shop, struck=flaw))["alipay_cert_sn"]

    assert downloads(shop, number)["sub_code"] == "isv.alipay-cert-not-exist"
