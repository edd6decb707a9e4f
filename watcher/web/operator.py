"""Who may see the operator's page: HTTP Basic (RFC 7617), which curl and monitors speak as well."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from watcher.web.face import Face, Refused
from watcher.web.guard import WRONG_PASSWORDS, network_of

LONGEST_HEADER = 1_000
_KIND = "password"
_ASKING = {"WWW-Authenticate": 'Basic realm="The operator\'s page", charset="UTF-8"'}


async def kept_out(face: Face, request: Request) -> Response | None:
    """The answer to who does not know the password; None for the operator, of whatever name.

    Raises Refused where too many were wrong, HTTPException where there is none, StoreError.
    """
    password = face.config().settings.web.operator_password.get_secret_value()
    if not password:
        raise HTTPException(404)
    header = request.headers.get("authorization")
    if header is None:  # as browsers first ask
        return _ask(face, request)
    network, now = network_of(request), face.clock()
    async with face.limits.guesses:
        wait = await run_in_threadpool(
            face.limits.wait, face.reader, _KIND, network, WRONG_PASSWORDS, now
        )
        if wait is None and _is_right(header, password):
            return None
        if wait is None:
            limits = {(_KIND, network): WRONG_PASSWORDS}
            wait = await run_in_threadpool(face.limits.take, face.database, limits, now)
    if wait is None:
        return _ask(face, request)
    raise Refused(
        429,
        "Too many wrong passwords",
        "They came from your network. For some time, the right one is not taken either.",
        wait=int(wait.total_seconds()) + 1,
    )


def _ask(face: Face, request: Request) -> Response:
    text = "It is operator_password of [web] in the configuration. Any user name will do."
    response = face.page(
        request, "told.html.j2", 401, headline="This page asks for a password", text=text
    )
    response.headers.update(_ASKING)
    return response


def _is_right(header: str, password: str) -> bool:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic" or len(coded) > LONGEST_HEADER:
        return False
    try:
        told = base64.b64decode(coded.strip(), validate=True)
    except (binascii.Error, ValueError):  # ValueError: of what is not ASCII
        return False
    return hmac.compare_digest(told.partition(b":")[2], password.encode())
