"""Keys to sign mails with, and a receiver that checks them by what DNS would say."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

import dkim
import time_machine
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.settings.making import write
from watcher.mail import KeyRecord

DKIM = """
[dkim]
selector = "papers"
key_file = "rsa.pem"
ed25519_selector = "papers-ed25519"
ed25519_key_file = "ed25519.pem"
"""


@functools.cache
def rsa_key(name: str = "ours", bits: int = 2048) -> str:
    """A private RSA key as `openssl genrsa` writes it; another one for each name."""
    return _pem(rsa.generate_private_key(65537, bits))


@functools.cache
def ed25519_key(name: str = "ours") -> str:
    """A private Ed25519 key as `openssl genpkey` writes it; another one for each name."""
    return _pem(ed25519.Ed25519PrivateKey.generate())


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def write_keys(directory: Path, name: str = "ours") -> None:
    """The files that `DKIM` names, readable by their owner alone."""
    write(directory, rsa_key(name), "rsa.pem")
    write(directory, ed25519_key(name), "ed25519.pem")


def zone(records: Iterable[KeyRecord]) -> dict[str, str]:
    """A DNS that holds what was asked to be published, and nothing else."""
    return {record.name: record.text for record in records}


def verdicts(message: bytes, dns: Mapping[str, str], at: dt.datetime) -> list[bool]:
    """What a receiver at that instant finds of each signature, the first one first."""

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        return dns.get(name.decode().removesuffix("."), "").encode()

    found = []
    with time_machine.travel(at, tick=False):
        received = dkim.DKIM(message)
        for index in range(message.partition(b"\r\n\r\n")[0].count(b"DKIM-Signature: ")):
            try:
                found.append(bool(received.verify(index, dnsfunc=look_up)))
            except dkim.DKIMException:
                found.append(False)
    return found
