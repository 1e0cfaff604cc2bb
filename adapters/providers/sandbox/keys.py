"""Real key material, generated once and kept, if asked, as files."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID


class KeyRing:
    """Named RSA-2048 keys, certificates and texts; the same again after a restart."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = None if directory is None else directory / "sandbox-keys"
        self._texts: dict[str, str] = {}
        self._keys: dict[str, rsa.RSAPrivateKey] = {}
        if self._directory is not None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def generate(self, names: Iterable[str]) -> None:
        """Have these keys ready; missing ones are made side by side, 50-100 ms each."""
        missing = [name for name in names if name not in self._keys]
        with ThreadPoolExecutor() as threads:
            for name, key in zip(missing, threads.map(self._load_or_make, missing), strict=True):
                self._keys[name] = key

    def key(self, name: str) -> rsa.RSAPrivateKey:
        """Return the named private key."""
        self.generate([name])
        return self._keys[name]

    def private_pem(self, name: str) -> str:
        """Return the named private key as PKCS#8 PEM."""
        return _private_pem(self.key(name))

    def public_pem(self, name: str) -> str:
        """Return the public half of the named key as SubjectPublicKeyInfo PEM."""
        public = self.key(name).public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def certificate(self, name: str, *, common_name: str, issuer: str | None = None) -> str:
        """Return a PEM certificate for the key `name`, self-signed without an `issuer`.

        An issuer is a name whose certificate was asked for before; `LookupError` otherwise.
        """

        def issue() -> str:
            subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
            by = subject if issuer is None else self._subject_of(issuer)
            return _issue(self.key(name), subject, self.key(issuer or name), by)

        return self.text(f"{name}.certificate", issue)

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Return the named text, made at first need."""
        if name not in self._texts:
            self._texts[name] = self._read(name) or self._write(name, make())
        return self._texts[name]

    def known_text(self, name: str) -> str | None:
        """Return the named text if there is one."""
        return self._texts.get(name) or self._read(name)

    def rewrite(self, name: str, text: str) -> None:
        """Replace the named text, or set it for the first time."""
        self._texts[name] = self._write(name, text)

    def _subject_of(self, name: str) -> x509.Name:
        pem = self._texts[f"{name}.certificate"]
        return x509.load_pem_x509_certificate(pem.encode()).subject

    def _load_or_make(self, name: str) -> rsa.RSAPrivateKey:
        pem = self._read(name)
        if pem is None:
            made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            self._write(name, _private_pem(made))
            return made
        # Made here: checking it once more would take 50 ms a key.
        key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError(f"sandbox key {name} is not an RSA key")
        return key

    def _read(self, name: str) -> str | None:
        if self._directory is None:
            return None
        path = self._directory / f"{name}.pem"
        return path.read_text() if path.exists() else None

    def _write(self, name: str, text: str) -> str:
        if self._directory is not None:
            # Written aside and renamed: a kill in between leaves no half a key.
            aside = self._directory / f"{name}.new"
            aside.touch(mode=0o600)
            aside.write_text(text)
            aside.replace(self._directory / f"{name}.pem")
        return text


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _issue(
    key: rsa.RSAPrivateKey, subject: x509.Name, signer: rsa.RSAPrivateKey, issuer: x509.Name
) -> str:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=5 * 365))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    return builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
