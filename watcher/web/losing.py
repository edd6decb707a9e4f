"""The link to a subscription sent again, to whoever has lost it: what is said tells nothing."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from watcher.digest.language import Language
from watcher.links import BY_PAGES, Purpose
from watcher.settings import (
    RuleSettings,
    SubscriptionSettings,
    parse_cadence,
    read_definitions,
    values,
)
from watcher.store import links as decided
from watcher.store import stored
from watcher.web.face import Face
from watcher.web.guard import MAILS_OF_ADDRESS
from watcher.web.letters import Found, reminder
from watcher.web.post import Made
from watcher.web.problems import of_program
from watcher.web.sentences import described, times
from watcher.web.tongues import tongue

_ANYBODYS = SubscriptionSettings(
    id=f"{BY_PAGES}0/papers", to=("nobody@example.org",), rules=(RuleSettings(any=("papers",)),)
)
"""What is told in a mail that is sent to nobody."""


async def start(face: Face, request: Request) -> Response:
    """The form: an address."""
    return face.page(request, "lost.html.j2", address="", problems={})


async def submit(face: Face, request: Request) -> Response:
    """The same answer whatever; then a mail, if there is anything to tell in it."""
    form = await face.form(request)
    typed = (form.get("address") or ("",))[0].strip()
    try:
        address = values.address(typed)
    except ValueError as error:
        problems = {"address": of_program("address", str(error))}
        return face.page(request, "lost.html.j2", 422, address=typed, problems=problems)
    await face.send(request, partial(_reminder, face, address, face.tongue(request)))
    return RedirectResponse("/lost/sent", 303)


async def sent(face: Face, request: Request) -> Response:
    """That a mail is on its way, if one is."""
    return face.page(request, "lost-sent.html.j2")


def _reminder(face: Face, address: str, asked_in: Language) -> Made:
    """The mail with the links, and whether that address shall have one and has a subscription.

    It is in the language of the first one, or in that of the page where that one has none.
    """
    now = face.clock()
    with face.reader.read() as connection:
        is_wanted = decided.may_be_asked(connection, address)
        definitions = stored.of_address(connection, BY_PAGES, address)
    theirs = [
        each
        for each in read_definitions(definitions)[0]
        if [to.lower() for to in each.to] == [address.lower()]
    ]
    own = theirs[0].to[0] if theirs else address  # as it was written by whoever agreed
    kind = "address" if theirs and is_wanted else "nobody"  # or the next mail would be late for it
    limits = {(kind, decided.mailbox_of(own)): MAILS_OF_ADDRESS}
    has_had_enough = face.limits.take(face.database, limits, now) is not None
    language = tongue((theirs[0].language if theirs else "") or asked_in.code)
    found = [
        Found(
            times(parse_cadence(each.digest), face.config().zone(each), language),
            tuple(described(rule, language) for rule in each.rules or (RuleSettings(),)),
            face.links.url(Purpose.MANAGE, each.id, each.to[0]),
        )
        for each in theirs or (_ANYBODYS,)
    ]
    made = reminder(face.config(), face.links, own, found, now, language)
    return Made("lost", made, is_wanted=bool(theirs) and is_wanted and not has_had_enough)
