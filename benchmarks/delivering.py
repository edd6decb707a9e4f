"""Mails of 56 kB to Postfix's `smtp-sink`: against its `smtp-source`, over as many connections.

Both send to the same sink on loopback, in turns, and the round whose ratio is the median one is
shown. The mails are digests, cut to size. The sink takes all it is sent, and forgets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

import structlog

from benchmarks import composing
from benchmarks.measuring import Bound
from watcher import app, logs
from watcher.digest import render_digest
from watcher.mail.smtp import SmtpMailer
from watcher.models import Envelope
from watcher.settings import SmtpSettings, load
from watcher.store import outbox

CONNECTIONS = 16
MAILS = 2_000
SIZE = 56_000
"""Bytes of a mail."""

DISTINCT = 200
"""Mails that differ; they go again and again."""

ROUNDS = 7
SENDER = "papers@example.org"

CONFIG = Template("""\
[mail]
from = "papers@example.org"
[smtp]
host = "127.0.0.1"
port = $port
security = "none"
connections = $connections
[[subscriptions]]
name = "weights"
any = "anything"
to = $to
""")


class MissingError(Exception):
    """The programs of Postfix are not there."""


@dataclass(frozen=True, slots=True)
class Round:
    """The seconds of the two sides, one after the other."""

    ours: float
    source: float

    @property
    def share(self) -> float:
        """Of the rate of `smtp-source`."""
        return self.source / self.ours


@dataclass(frozen=True, slots=True)
class Sink:
    """An `smtp-sink` that listens."""

    port: int

    @property
    def mailer(self) -> SmtpMailer:
        """Ours, for it."""
        keys = {"host": "127.0.0.1", "port": self.port, "security": "none"}
        return SmtpMailer(SmtpSettings.model_validate(keys | {"connections": CONNECTIONS}))

    def sourced(self, count: int) -> None:
        """Have `smtp-source` send so many mails."""
        command = [program("smtp-source"), "-d", "-f", SENDER, "-t", "reader@example.org"]
        command += ["-s", f"{CONNECTIONS}", "-l", f"{SIZE}", "-m", f"{count}"]
        subprocess.run([*command, f"127.0.0.1:{self.port}"], check=True)


def program(name: str) -> str:
    """Where a program of Postfix is. Raises MissingError."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise MissingError(f"{name} is not here; on Debian it comes with `apt install postfix`")
    return found


@contextlib.contextmanager
def sink() -> Iterator[Sink]:
    """One that listens meanwhile. Raises MissingError."""
    command = [program("smtp-sink")]
    if os.geteuid() == 0:  # it asks for somebody else to be
        command += ["-u", "nobody"]
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port = chosen.getsockname()[1]
    with subprocess.Popen([*command, f"127.0.0.1:{port}", "128"]) as process:
        try:
            _see_listening(process, port)
            yield Sink(port)
        finally:
            process.terminate()


def _see_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise RuntimeError(f"smtp-sink does not listen, exit code {process.poll()}")


def envelopes(count: int) -> list[Envelope]:
    """Frozen mails, each of another digest's first bytes."""
    rendered = render_digest(composing.digest())
    to = list(composing.recipients(count))
    mails = zip(to, composing.once(rendered, to), strict=True)
    return [
        Envelope(number, mail_id, SENDER, recipient, (message * (SIZE // len(message) + 1))[:SIZE])
        for number, ((recipient, mail_id), message) in enumerate(mails)
    ]


async def sent(mailer: SmtpMailer, mails: Sequence[Envelope], count: int) -> None:
    """So many of the mails, over all sessions at once."""
    left = itertools.islice(itertools.cycle(mails), count)

    async def work() -> None:
        async with mailer.session() as session:
            for envelope in left:
                await session.send(envelope)

    await asyncio.gather(*(work() for _ in range(mailer.session_count)))


async def delivered(port: int, folder: Path, mails: Sequence[Envelope], count: int) -> float:
    """Seconds in which so many are taken from a SQLite outbox, sent and recorded, one by one."""
    to = [recipient for recipient, _ in composing.recipients(count)]
    path = folder / "config.toml"
    keys = {"port": port, "connections": CONNECTIONS, "to": json.dumps(to)}
    path.write_text(CONFIG.substitute(keys))
    config = load(path, state_dir=folder, environ={})
    now = app.utc_now()
    messages = [
        outbox.Message(SENDER, recipient, f"<{number}@example.org>", mail.message)
        for number, (recipient, mail) in enumerate(zip(to, itertools.cycle(mails), strict=False))
    ]
    with app.writing(config, "benchmark", now) as database:
        async with app.running(config, database) as engine:
            await engine.context.write(
                lambda connection: outbox.enqueue_digest(
                    connection,
                    subscription_id="weights",
                    slot_key="once",
                    subject="Papers",
                    html="",
                    paper_ids=(),
                    messages=messages,
                    now=now,
                )
            )
            start = time.perf_counter()
            result = await engine.run_slots()
            seconds = time.perf_counter() - start
    if result.delivered_count != count:
        raise RuntimeError(f"something was wrong: {result}")
    return seconds


def median_round(rounds: int, ours: Callable[[], float], source: Callable[[], float]) -> Round:
    """The one with the median share, of an odd number, after one round unmeasured."""
    ours(), source()
    found = [Round(ours(), source()) for _ in range(rounds)]
    return sorted(found, key=lambda one: one.share)[rounds // 2]


def seconds_of(side: Callable[[], object]) -> float:
    """That pass until it is done."""
    start = time.perf_counter()
    side()
    return time.perf_counter() - start


def measure() -> list[Bound]:
    """The bound on sending; beside it the whole of delivering from a store, which has none."""
    try:
        with sink() as running:
            return _beside_source(running)
    except MissingError as error:
        print(f"delivering is not measured: {error}", flush=True)
        return []


def _beside_source(running: Sink) -> list[Bound]:
    program("smtp-source")  # before anything is composed
    mails = envelopes(DISTINCT)

    def source() -> float:
        return seconds_of(lambda: running.sourced(MAILS))

    def session() -> float:
        return seconds_of(lambda: asyncio.run(sent(running.mailer, mails, MAILS)))

    def stored() -> float:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as name:
            logs.configure("info", path=Path(name) / "log")  # a line for each mail, as the daemon
            try:
                return asyncio.run(delivered(running.port, Path(name), mails, MAILS))
            finally:
                structlog.reset_defaults()

    against = f"smtp-source, {CONNECTIONS} connections"
    sending = median_round(ROUNDS, session, source)
    storing = Round(stored(), source())  # once: it takes long
    return [
        Bound(
            f"send {MAILS:,} mails of {SIZE // 1000} kB",
            against,
            sending.ours,
            sending.source,
            least=0.8,
            unit="s",
        ),
        Bound(
            "  from SQLite, recorded one by one",
            against,
            storing.ours,
            storing.source,
            least=0,
            unit="s",
        ),
    ]
