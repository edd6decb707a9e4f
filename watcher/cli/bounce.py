"""`bounce`: takes a mail that came back, from a mail server's pipe."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from watcher.cli.common import (
    BUSY,
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
)
from watcher.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from watcher.pipeline.bounce import Verdict
    from watcher.settings import Config

_CHUNK = 65536


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("bounce")(bounce)


@guarded
def bounce(
    context: typer.Context,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help="The envelope recipient. [default: what the headers say]",
            show_default=False,
        ),
    ] = "",
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a mail that came back from standard input; dead recipients are paused and reported.

    For a mail server's pipe: ends with 0 whatever the message is, and with 75, which has the
    server try again, as long as configuration or database cannot be used.
    """
    import structlog

    from watcher.mail.bounces import LIMIT

    if sys.stdin is None or sys.stdin.isatty():
        fail("the message is read from standard input: `watcher bounce < message`", USAGE)
    try:
        raw = _read(sys.stdin.buffer, LIMIT)
    except OSError as error:
        fail(f"standard input cannot be read: {error.strerror}", BUSY)
    options = common(context, config, state_dir, as_json=as_json)
    try:
        verdict = _take(options.load(), raw, to)
    except (ConfigError, StoreError) as error:
        if options.as_json:
            print_json({"error": str(error)})
        fail(str(error), BUSY)
    log = structlog.get_logger(__name__)
    (log.info if verdict.word in {"ignored", "delayed"} else log.warning)(verdict.text)
    if options.as_json:
        found = {"verdict": verdict.word, "recipient": verdict.recipient, "text": verdict.text}
        print_json(found)


def _read(stream: BinaryIO, limit: int) -> bytes:
    """The beginning; the rest is read, too, since who writes into a pipe wants to be read."""
    kept = stream.read(limit)
    while stream.read(_CHUNK):
        pass
    return kept


def _take(config: Config, raw: bytes, sent_to: str) -> Verdict:
    """Goes past the daemon's lock, as `subscriptions pause` does, and for the same reasons."""
    from watcher import app
    from watcher.cli.owner import act_as_owner, past_the_lock
    from watcher.mail import make_signer
    from watcher.pipeline.bounce import take_bounce

    signer = make_signer(config)
    act_as_owner(config.state_dir)
    with app.reading(config):  # there is one, of this version: nothing is made here
        pass
    with past_the_lock(config) as database, database.write() as connection:
        now = app.utc_now()
        return take_bounce(config.settings, signer, connection, raw, now, sent_to=sent_to)
