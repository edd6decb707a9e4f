"""DKIM signatures (RFC 6376), by RSA keys and by Ed25519 ones (RFC 8463).

This module needs the extra `dkim`.
"""

from __future__ import annotations

import base64
import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import dkim
import nacl.signing  # noqa: F401  # the library would miss it only when it signs
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from watcher.errors import RenderError
from watcher.mail.signing import Algorithm, KeyRecord

_FEWEST_BITS = 1024
"""Of an RSA key: below, receivers must refuse it (RFC 8301, 3.2)."""

_GUARDED = (
    *(b"from", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"mime-version"),
    *(b"content-type", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post"),
)
"""Headers signed once more than they are there, so that none can be added (RFC 6376, 8.15).

Mail programs act on the last two at a click, and only where they are signed (RFC 8058, 4).
"""

_SIGNED_WHERE_PRESENT = (
    *(b"sender", b"in-reply-to", b"references", b"content-transfer-encoding"),
    *(b"list-help", b"list-post", b"list-owner", b"list-archive", b"auto-submitted"),
    b"feedback-id",  # Gmail heeds it only where it is signed
)

_RELAXED = (b"relaxed", b"relaxed")
_NAMES: dict[Algorithm, str] = {"rsa": "an RSA key", "ed25519": "an Ed25519 key"}
_PROPER_KEYS: dict[Algorithm, str] = {"rsa": "key_file", "ed25519": "ed25519_key_file"}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key in the form that the library takes, and its public half in base64."""

    algorithm: Algorithm
    selector: str
    bits: int
    public: str
    private: bytes = field(repr=False)


class DkimSigner:
    """Signs with each key, for one domain in ASCII."""

    def __init__(self, domain: str, keys: Sequence[SigningKey]) -> None:
        self._domain, self._keys = domain, tuple(keys)

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """What DNS must hold, one for each key."""
        return tuple(
            KeyRecord(
                name=f"{key.selector}._domainkey.{self._domain}",
                text=f"v=DKIM1; k={key.algorithm}; p={key.public}",
                selector=key.selector,
                algorithm=key.algorithm,
                bits=key.bits,
            )
            for key in self._keys
        )

    def sign(self, message: bytes, at: dt.datetime) -> bytes:
        """The mail, a signature by each key in front. Raises RenderError for what is no mail."""
        try:
            return b"".join((*(self._signature(message, key, at) for key in self._keys), message))
        except dkim.DKIMException as error:
            raise RenderError(f"the mail cannot be signed: {error}") from error

    def _signature(self, message: bytes, key: SigningKey, at: dt.datetime) -> bytes:
        dated = _Dated(message, at, signature_algorithm=f"{key.algorithm}-sha256".encode())
        header: bytes = dated.sign(
            key.selector.encode(),
            self._domain.encode(),
            key.private,
            canonicalize=_RELAXED,
            include_headers=_signed_names(name for name, _ in dated.headers),
        )
        return header


class _Dated(dkim.DKIM):  # type: ignore[misc]  # the library ships no types
    """A mail to be signed at its own time, where the library would ask the clock."""

    def __init__(self, message: bytes, at: dt.datetime, *, signature_algorithm: bytes) -> None:
        super().__init__(message, signature_algorithm=signature_algorithm)
        self._stamp = str(int(at.timestamp())).encode()

    def gen_header(self, fields: Sequence[tuple[bytes, bytes]], *rest: object) -> bytes:
        # Without `i`, which would say the domain once more.
        tags = [
            (tag, self._stamp if tag == b"t" else value) for tag, value in fields if tag != b"i"
        ]
        header: bytes = super().gen_header(tags, *rest)
        return header


def read_key(text: str, algorithm: Algorithm, selector: str) -> SigningKey:
    """The private key of a PEM text. Raises ValueError, with what to do, for any other text."""
    try:
        key = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise ValueError(
            "is encrypted, and nobody is there to type its password; "
            "`openssl pkey -in FILE -out NEW` writes the key without one"
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # which says no more than that
        raise ValueError(
            f"holds no private key in PEM form; `{_making(algorithm)}` makes one"
        ) from None
    if isinstance(key, RSAPrivateKey):
        _expect(algorithm, "rsa")
        if key.key_size < _FEWEST_BITS:
            raise ValueError(
                f"holds an RSA key of {key.key_size} bits, which receivers refuse; "
                f"`{_making('rsa')}` makes a longer one"
            )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return SigningKey("rsa", selector, key.key_size, _base64(public), private)
    if isinstance(key, Ed25519PrivateKey):
        _expect(algorithm, "ed25519")
        public = key.public_key().public_bytes_raw()
        private = base64.b64encode(key.private_bytes_raw())
        return SigningKey("ed25519", selector, 256, _base64(public), private)
    raise ValueError(
        f"holds another kind of key than {_NAMES[algorithm]}; `{_making(algorithm)}` makes one"
    )


def _expect(wanted: Algorithm, found: Algorithm) -> None:
    if wanted != found:
        raise ValueError(
            f"holds {_NAMES[found]}, and not {_NAMES[wanted]}; name it in {_PROPER_KEYS[found]}"
        )


def _making(algorithm: Algorithm) -> str:
    if algorithm == "rsa":
        return "openssl genrsa -out FILE 2048"
    return "openssl genpkey -algorithm ed25519 -out FILE"


def _signed_names(present: Iterable[bytes]) -> list[bytes]:
    counts = Counter(name.lower() for name in present)
    names = [name for name in _GUARDED for _ in range(counts[name] + 1)]
    return names + [name for name in _SIGNED_WHERE_PRESENT for _ in range(counts[name])]


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
