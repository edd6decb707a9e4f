"""Leaving: at a click in the mail program (RFC 8058), by a button, for good."""

from __future__ import annotations

import hmac

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from watcher.digest import OneClick
from watcher.links import Purpose
from watcher.web import deeds
from watcher.web.face import Face, Refused
from watcher.web.guard import form_of
from watcher.web.readers import speak_as
from watcher.web.tongues import phrase


async def ask(face: Face, request: Request) -> Response:
    """A page with a button, and no more: scanners of mails follow links."""
    subscription_id, address = _of_link(face, request)
    await speak_as(face, request, subscription_id)
    query = request.url.query
    return face.page(request, "stop.html.j2", address=address, path=f"/stop?{query}")


async def stop(face: Face, request: Request) -> Response:
    """Unsubscribe. Mail programs send no form of ours: the token in the URL is what lets them."""
    subscription_id, address = _of_link(face, request)
    await speak_as(face, request, subscription_id)  # before it has ended
    await form_of(request)  # within bounds; whatever it says, a POST to this URL means one thing
    config = face.config()
    is_sent = await face.look(
        lambda connection: deeds.is_sent(connection, config, subscription_id, address)
    )
    if is_sent:  # a link that works for ever holds up nobody by itself
        await run_in_threadpool(
            deeds.stop, face.database, config, subscription_id, address, face.clock()
        )
    return face.page(request, "stopped.html.j2", address=address, is_for_good=False)


def _of_link(face: Face, request: Request) -> tuple[str, str]:
    """Subscription and recipient. Raises Refused."""
    query = request.query_params
    subscription_id, address = query.get("of", ""), query.get("who", "")
    secret = face.config().settings.mail.unsubscribe_secret.get_secret_value()
    if secret and subscription_id and address:
        made = OneClick("", secret, subscription_id=subscription_id, otherwise="").token(address)
        if hmac.compare_digest(made.encode(), query.get("token", "").encode()):
            return subscription_id, address
    raise Refused(
        404,
        phrase("This link does not work"),
        phrase("A part of it was lost. Open it from the mail itself."),
    )


async def ask_never(face: Face, request: Request) -> Response:
    """A page with a button again."""
    [address] = face.told(request, Purpose.NEVER)
    return face.page(request, "never.html.j2", address=address)


async def never(face: Face, request: Request) -> Response:
    """Never write to that address again."""
    [address] = face.told(request, Purpose.NEVER)
    await face.form(request)
    await run_in_threadpool(deeds.never, face.database, address, face.clock())
    return face.page(request, "stopped.html.j2", address=address, is_for_good=True)
