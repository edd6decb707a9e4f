"""`send-test`: one real mail by the configured way."""

from __future__ import annotations

import asyncio
import html
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    NOT_WELL,
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
    say,
)

if TYPE_CHECKING:
    import datetime as dt

    from watcher.mail import Mailer
    from watcher.models import Envelope
    from watcher.settings import Config

SUBJECT = "A test from paper-watcher"
TEXT = """\
This is the mail that `watcher send-test` was asked for. Digests come the same way: if you can read
this, they will reach you too. If it lay among the spam, say that it is none.
"""


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("send-test")(send_test)


@guarded
def send_test(
    context: typer.Context,
    address: Annotated[str | None, typer.Argument(help="Where to. [default: the operator]")] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send one real mail by the configured way, and say what the server answered."""
    from watcher import app
    from watcher.cli.owner import act_as_owner
    from watcher.errors import DeliveryError
    from watcher.mail import make_mailer
    from watcher.settings import require_mail

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load("warning")
    require_mail(loaded)
    act_as_owner(loaded.state_dir)
    envelope = _envelope(loaded, address, app.utc_now())
    mailer = make_mailer(loaded.settings, loaded.state_dir)
    say(f"sending to {envelope.recipient} through {mailer.describe()}")
    try:
        answer, is_taken = asyncio.run(_send(mailer, envelope)), True
    except DeliveryError as error:
        answer, is_taken = str(error), False
    if options.as_json:
        print_json(
            {
                "recipient": envelope.recipient,
                "through": mailer.describe(),
                "delivered": is_taken,
                "answer": answer,
            }
        )
    elif is_taken:
        print(f"taken: {answer}")
        print("Look into the inbox; if it is not there within minutes, among the spam.")
    else:
        say(f"watcher: not delivered: {answer}")
    if not is_taken:
        raise typer.Exit(NOT_WELL)


def _envelope(config: Config, address: str | None, now: dt.datetime) -> Envelope:
    from email.utils import parseaddr

    from watcher.digest import AUTOMATIC, Letter, boundary_for, message_id
    from watcher.digest.message import ascii_address
    from watcher.errors import RenderError
    from watcher.mail import make_signer
    from watcher.mail.verp import new_sender
    from watcher.models import Envelope, Rendered

    settings, signer = config.settings, make_signer(config)
    sender = parseaddr(settings.mail.from_)[1]
    domain = sender.rpartition("@")[2]
    try:
        recipient = ascii_address(address or parseaddr(settings.mail.operator)[1])
        mail_id = message_id("test", now.isoformat(), recipient, domain=domain)
        letter = Letter(
            Rendered(SUBJECT, TEXT, f"<p>{html.escape(TEXT)}</p>"),
            sender=settings.mail.from_,
            sent_at=now,
            boundary=boundary_for(mail_id),
            headers=AUTOMATIC,
        )
        signed = signer.sign(letter.addressed(recipient, mail_id), now)
    except RenderError as error:
        fail(str(error), USAGE)
    # Like a digest's: a server may take one sender and not the other.
    envelope_sender = new_sender(settings.mail.bounce, sender).address
    return Envelope(0, mail_id, envelope_sender, recipient, signed)


async def _send(mailer: Mailer, envelope: Envelope) -> str:
    async with mailer.session() as session:
        return await session.send(envelope)
