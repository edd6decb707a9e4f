"""What somebody can do with their subscription: change it, pause it, take it along, end it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from watcher import schedule
from watcher.links import Purpose
from watcher.settings import SubscriptionSettings, definition_of, parse_cadence
from watcher.settings.exporting import as_toml
from watcher.web import deeds, feedback, wish
from watcher.web.face import Face, Refused
from watcher.web.subscribing import form_context
from watcher.web.wish import Wish, WishError
from watcher.when import moment

DONE = {
    "confirmed": "You are subscribed.",
    "saved": "Your changes are saved. They count from the next look at the papers on.",
    "paused": "It is paused: no mail comes until you go on.",
    "resumed": "It goes on: what matched meanwhile is in the next mail.",
    "taken-back": "What you said of that paper is taken back.",
}
"""What may be said at the top of the page, by the word in its URL."""


async def show(face: Face, request: Request) -> Response:
    """The subscription as it is."""
    subscription = await _subscription(face, request)
    wanted = Wish.of_subscription(subscription, face.timezone)
    return await _page(face, request, subscription, subscription, wanted)


async def act(face: Face, request: Request) -> Response:
    """Do what the button says."""
    subscription = await _subscription(face, request)
    form = await face.form(request)
    deed = (form.get("act") or [""])[0]
    here, now = request.url.path, face.clock()
    if deed in {"pause", "resume"}:
        is_on = deed == "pause"
        await run_in_threadpool(deeds.pause, face.database, subscription.id, now, is_on=is_on)
        return RedirectResponse(f"{here}?done={deed.removesuffix('e')}ed", 303)
    if deed == "take-back":
        await feedback.take_back(face, subscription, form)
        return RedirectResponse(f"{here}?done=taken-back", 303)
    if deed == "delete":
        return await _delete(face, request, subscription, form)
    if not wish.can_be_edited(subscription):
        raise Refused(409, "These rules are not for this form", "The operator has written them.")
    wanted = replace(Wish.of_form(form), address=subscription.to[0])
    try:
        edited = wanted.subscription(
            subscription.id, face.config().settings.topics, former=subscription
        )
    except WishError as error:
        wanted = replace(wanted, problems=error.problems)
        return await _page(face, request, subscription, subscription, wanted)
    if deed != "save":
        return await _page(face, request, subscription, edited, wanted)
    if not await run_in_threadpool(deeds.change, face.database, edited, now):
        raise Refused(404, "This subscription has ended", "Nothing was changed.")
    return RedirectResponse(f"{here}?done=saved", 303)


async def _delete(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    form: Mapping[str, list[str]],
) -> Response:
    if form.get("sure") != ["yes"]:
        wanted = Wish.of_subscription(subscription, face.timezone)
        wanted = replace(wanted, problems={"sure": "tick this, if you are sure"})
        return await _page(face, request, subscription, subscription, wanted)
    await run_in_threadpool(
        deeds.forget,
        face.database,
        subscription.id,
        subscription.to[0],
        face.clock(),
        for_good=form.get("never") == ["yes"],
    )
    return face.page(request, "gone.html.j2", address=subscription.to[0])


async def export(face: Face, request: Request) -> Response:
    """The subscription as a file that `watcher subscriptions import` takes."""
    subscription = await _subscription(face, request)
    form = request.path_params["form"]
    if form == "toml":
        content, kind = "".join(as_toml([subscription])), "application/toml"
    elif form == "json":
        told = json.loads(definition_of(subscription))
        content, kind = json.dumps(told, ensure_ascii=False, indent=2) + "\n", "application/json"
    else:
        raise HTTPException(404)
    name = f"{wish.NAME}.{form}"
    return Response(
        content,
        media_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def _subscription(face: Face, request: Request) -> SubscriptionSettings:
    """The one that the link is for. Raises Refused."""
    subscription_id, address = face.told(request, Purpose.MANAGE)
    found = await face.found(subscription_id)
    if found.to != (address,):
        raise Refused(404, "This link does not work", "The subscription goes elsewhere by now.")
    return found


async def _page(
    face: Face,
    request: Request,
    present: SubscriptionSettings,
    tried: SubscriptionSettings,
    wanted: Wish,
) -> Response:
    """The page of `present` with what `tried` would bring beside the form."""

    def look() -> bool | None:
        with face.reader.read() as connection:
            return deeds.is_paused(connection, present.id)

    is_paused = await run_in_threadpool(look)
    preview = await run_in_threadpool(face.past.preview, tried)
    choices = await run_in_threadpool(face.past.choices)
    zone = face.config().zone(present)
    next_at = schedule.next_slot(parse_cadence(present.digest), zone, after=face.clock())
    return face.page(
        request,
        "manage.html.j2",
        422 if wanted.problems else 200,
        subscription=present,
        path=request.url.path,
        done=DONE.get(request.query_params.get("done", ""), ""),
        is_paused=is_paused,
        next_at=moment(next_at, zone) if next_at else "",
        is_edited=tried != present,
        can_be_edited=wish.can_be_edited(present),
        preview=preview,
        choices=choices,
        archive_path=f"/archive/{face.links.token(Purpose.ARCHIVE, present.id)}",
        feed_path=f"/feed/{face.links.token(Purpose.FEED, present.id)}",
        told=await feedback.told(face, present, tried),
        **form_context(wanted),
    )
