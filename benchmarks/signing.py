"""Signing a mail of 56 kB (DKIM): by either key, and by both, against hashing it."""

from __future__ import annotations

import hashlib

from benchmarks import delivering
from benchmarks.composing import NOW
from benchmarks.measuring import Bound, in_turns
from tests.signing import ed25519_key, rsa_key
from watcher.mail.dkim import DkimSigner, SigningKey, read_key

MAILS = 100
ROUNDS = 5


def made_keys() -> tuple[SigningKey, SigningKey]:
    """An RSA key of 2,048 bits and an Ed25519 one."""
    return (
        read_key(rsa_key(), "rsa", "papers"),
        read_key(ed25519_key(), "ed25519", "papers-ed25519"),
    )


def measure() -> list[Bound]:
    """Milliseconds a mail; there is no bound."""
    rsa, ed25519 = made_keys()
    sides = {"RSA 2048": [rsa], "Ed25519": [ed25519], "RSA 2048 and Ed25519": [rsa, ed25519]}
    mails = [envelope.message for envelope in delivering.envelopes(MAILS)]

    def signed(by: list[SigningKey]) -> int:
        signer = DkimSigner("example.org", by)
        return sum(len(signer.sign(mail, NOW)) for mail in mails)

    def hashed() -> int:
        return sum(hashlib.sha256(mail).digest()[0] for mail in mails)

    took = in_turns(
        ROUNDS,
        {name: lambda by=by: signed(by) for name, by in sides.items()} | {"hash": hashed},
    )
    return [
        Bound(
            f"sign a mail of {delivering.SIZE // 1000} kB, {name}",
            "its SHA-256 alone",
            took[name] / MAILS,
            took["hash"] / MAILS,
        )
        for name in sides
    ]
