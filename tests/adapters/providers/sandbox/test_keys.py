"""Key material: the same again after a restart."""

from cryptography import x509

from adapters.providers.sandbox.keys import KeyRing


def test_keys_certificates_and_texts_outlive_the_process(tmp_path):
    first = KeyRing(tmp_path)
    made = (
        first.private_pem("merchant"),
        first.certificate("merchant", common_name="1900000001"),
        first.text("secret", lambda: "once"),
    )
    again = KeyRing(tmp_path)

    assert made == (
        again.private_pem("merchant"),
        again.certificate("merchant", common_name="1900000001"),
        again.text("secret", lambda: "twice"),
    )


def test_kept_keys_are_for_the_owner_alone(tmp_path):
    KeyRing(tmp_path).generate(["merchant"])

    (kept,) = (tmp_path / "sandbox-keys").iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    assert kept.parent.stat().st_mode & 0o077 == 0


def test_a_certificate_is_verified_by_its_issuer():
    ring = KeyRing()
    root = x509.load_pem_x509_certificate(ring.certificate("root", common_name="Root").encode())
    leaf = x509.load_pem_x509_certificate(
        ring.certificate("leaf", common_name="Leaf", issuer="root").encode()
    )

    leaf.verify_directly_issued_by(root)
