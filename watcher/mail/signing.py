"""Signatures of our own (DKIM) on the mails that leave, where they are configured."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import SecretStr

from watcher.errors import ConfigError, InvalidConfigError
from watcher.settings import Config

Algorithm = Literal["rsa", "ed25519"]


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """The public half of a key as DNS must hold it: a TXT record (RFC 6376, 3.6; RFC 8463, 4).

    `bits` is the size of an RSA key, 256 for Ed25519.
    """

    name: str
    text: str
    selector: str
    algorithm: Algorithm
    bits: int


class Signer(Protocol):
    """What every mail goes through before it is stored."""

    @property
    def records(self) -> tuple[KeyRecord, ...]:
        """What receivers look up, one for each key; none where nothing is signed."""
        ...

    def sign(self, message: bytes, at: dt.datetime) -> bytes:
        """The mail, signatures dated `at` in front: the same arguments give the same bytes.

        `message` has CRLF line ends. Raises RenderError.
        """
        ...


class Unsigned:
    """Leaves mails as they are: usually the server that takes them signs."""

    records: tuple[KeyRecord, ...] = ()

    def sign(self, message: bytes, at: dt.datetime) -> bytes:  # noqa: ARG002  # a Signer's
        """The mail itself."""
        return message


def make_signer(config: Config) -> Signer:
    """The signer that [dkim] asks for. Raises ConfigError, with file and line, for its keys."""
    dkim = config.settings.dkim
    if not dkim.is_on:
        return Unsigned()
    given: tuple[tuple[Algorithm, str, str, SecretStr, Path | None], ...] = (
        ("rsa", "key", dkim.selector, dkim.key, dkim.key_file),
        ("ed25519", "ed25519_key", dkim.ed25519_selector, dkim.ed25519_key, dkim.ed25519_key_file),
    )
    with config.needing("dkim", "signing needs its libraries"):
        from watcher.mail.dkim import DkimSigner, read_key  # noqa: PLC0415  # an extra, and slow
    keys, faults = [], []
    for algorithm, name, selector, secret, file in given:
        if not secret.get_secret_value():
            continue
        try:
            keys.append(read_key(secret.get_secret_value(), algorithm, selector))
        except ValueError as error:
            key = f"dkim.{name}_file" if file else f"dkim.{name}"
            path, line = config.locate("", key)
            what = f"{file} {error}" if file else str(error)
            faults.append(ConfigError(what, path=path, line=line, key=key))
    if faults:
        raise faults[0] if len(faults) == 1 else InvalidConfigError(faults)
    return DkimSigner(dkim.domain, keys)
