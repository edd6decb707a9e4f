"""Whether mails are signed here, and what DNS must hold for that."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.errors import ConfigError
from watcher.mail import make_signer
from watcher.settings import Config

_GOOD_BITS = range(2048, 4096 + 1)
"""Of an RSA key: what signers should use, and what every receiver can check (RFC 8301, 3.2)."""


def examine_signing(config: Config) -> Iterator[Finding]:
    """The selectors that mails are signed with, and the record to be published for each."""
    try:
        records = make_signer(config).records
    except ConfigError as error:
        yield problem("dkim", str(error))
        return
    if not records:
        yield ok("dkim", "mails are not signed here ([dkim] key_file); most mail servers do that")
        return
    selectors = " and ".join(record.selector for record in records)
    yield ok(
        "dkim",
        f"mails are signed for {config.settings.dkim.domain}, selector {selectors};"
        " DNS must hold what follows",
    )
    for record in records:
        yield ok("dkim record", f"{record.name} TXT {record.text}")
        if record.algorithm == "rsa" and record.bits not in _GOOD_BITS:
            yield warning(
                "dkim",
                f"the RSA key of selector {record.selector} has {record.bits} bits, which not every"
                " receiver takes; 2048 are good",
            )
