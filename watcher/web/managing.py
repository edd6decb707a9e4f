"""What somebody can do with their subscription: change it, pause it, take it along, end it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from watcher import schedule
from watcher.digest import dates
from watcher.digest.language import Language
from watcher.links import Purpose
from watcher.settings import SubscriptionSettings, definition_of, parse_cadence
from watcher.settings.exporting import as_toml
from watcher.store import bounces
from watcher.store.bounces import PausedRecipient
from watcher.web import deeds, feedback, wish
from watcher.web.face import Face, Refused
from watcher.web.problems import Problem
from watcher.web.ruleform import MOST_RULES, ChangedMeanwhileError, RuleWish
from watcher.web.sentences import times
from watcher.web.subscribing import form_context
from watcher.web.tongues import phrase
from watcher.web.wish import Wish, WishError

SNOOZE = dt.timedelta(days=30)

DONE = {
    "confirmed": phrase("You are subscribed."),
    "already": phrase("You were subscribed to the very same already, so nothing was added."),
    "saved": phrase("Your changes are saved. They count from the next check of the papers on."),
    "paused": phrase("It is paused: no mail comes until you resume it."),
    "resumed": phrase("It goes on: what matched meanwhile is in the next mail."),
    "taken-back": phrase("What you said of that paper is taken back."),
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
    return await _edit(face, request, subscription, form, deed)


async def _edit(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    form: Mapping[str, list[str]],
    deed: str,
) -> Response:
    """The form again with what was typed, or that saved."""
    try:
        wanted = Wish.of_form(form, subscription)
    except ChangedMeanwhileError as error:
        raise Refused(
            409,
            phrase("It was changed meanwhile"),
            phrase(
                "These rules were changed on another page since this one was loaded. "
                "Open the link again; what you typed here was not saved."
            ),
        ) from error
    word, _, number = deed.rpartition("-")
    numbers = {str(each): each for each in range(len(wanted.rules))}
    if number in numbers and word in _OF_A_RULE:
        return await _OF_A_RULE[word](face, request, subscription, wanted, numbers[number])
    if deed == "add":
        more = wanted.with_rules((*wanted.rules, RuleWish()))
        return await _page(face, request, subscription, subscription, more)
    try:
        edited = wanted.subscription(
            subscription.id, face.config().settings.topics, former=subscription
        )
    except WishError as error:
        wanted = replace(wanted, problems=error.problems)
        return await _page(face, request, subscription, subscription, wanted)
    if deed != "save":
        return await _page(face, request, subscription, edited, wanted)
    if not await run_in_threadpool(deeds.change, face.database, edited, face.clock()):
        raise Refused(404, phrase("This subscription has ended"), phrase("Nothing was changed."))
    return RedirectResponse(f"{request.url.path}?done=saved", 303)


async def _remove(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    wanted: Wish,
    number: int,
) -> Response:
    """The form without that rule; it is not saved yet."""
    left = wanted.with_rules(rule for at, rule in enumerate(wanted.rules) if at != number)
    done = face.tongue(request).say("The rule is off this form. It is gone once you save.")
    return await _page(face, request, subscription, subscription, left, done)


async def _snooze(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    wanted: Wish,
    number: int,
) -> Response:
    """That rule sleeps from now on, whatever else was typed."""
    until = (face.clock() + SNOOZE).date()
    return await _sleep(face, request, subscription, wanted, number, until)


async def _wake(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    wanted: Wish,
    number: int,
) -> Response:
    return await _sleep(face, request, subscription, wanted, number, None)


async def _sleep(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    wanted: Wish,
    number: int,
    until: dt.date | None,
) -> Response:
    rule = wanted.rules[number]
    if rule.former is None:
        raise Refused(
            409, phrase("This rule is not saved yet"), phrase("Save it first; nothing was done.")
        )
    changed = await run_in_threadpool(
        deeds.snooze, face.database, subscription.id, rule.former, until, face.clock()
    )
    if changed is None:
        raise Refused(
            409,
            phrase("It was changed meanwhile"),
            phrase("Open the link again; nothing was done."),
        )
    slept = replace(rule, former=rule.former.until(until))
    wanted = wanted.with_rules((*wanted.rules[:number], slept, *wanted.rules[number + 1 :]))
    language = face.tongue(request)
    done = language.say("The rule is awake: what comes from now on is mailed.")
    if until:
        done = language.say(
            "The rule is snoozed until %(day)s: what only it would bring does not come.",
            day=dates.whole_day(until, language),
        )
    return await _page(face, request, changed, changed, wanted, done)


_OF_A_RULE: Mapping[
    str, Callable[[Face, Request, SubscriptionSettings, Wish, int], Awaitable[Response]]
] = {"remove": _remove, "snooze": _snooze, "wake": _wake}
"""What the buttons of a single rule do, whose number stands behind the word."""


async def _delete(
    face: Face,
    request: Request,
    subscription: SubscriptionSettings,
    form: Mapping[str, list[str]],
) -> Response:
    if form.get("sure") != ["yes"]:
        wanted = Wish.of_subscription(subscription, face.timezone)
        wanted = replace(wanted, problems={"sure": Problem(phrase("tick this, if you are sure"))})
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


def _told(at: dt.datetime, zone: dt.tzinfo, language: Language) -> str:
    """`Thu 19 Feb 2026 at 08:00 CET`."""
    local = at.astimezone(zone)
    day, time = dates.long_day(local.date(), language), f"{local:%H:%M}"
    return language.say("%(day)s at %(time)s %(zone)s", day=day, time=time, zone=local.tzname())


async def _subscription(face: Face, request: Request) -> SubscriptionSettings:
    """The one that the link is for. Raises Refused."""
    subscription_id, address = face.told(request, Purpose.MANAGE)
    found = await face.found(request, subscription_id)
    if found.to != (address,):
        raise Refused(
            404,
            phrase("This link does not work"),
            phrase("The subscription goes elsewhere by now."),
        )
    return found


async def _page(
    face: Face,
    request: Request,
    present: SubscriptionSettings,
    tried: SubscriptionSettings,
    wanted: Wish,
    done: str = "",
) -> Response:
    """The page of `present` with what `tried` would bring beside the form."""

    def look() -> tuple[bool | None, PausedRecipient | None]:
        with face.reader.read() as connection:
            [address] = present.to
            held = bounces.paused_of(connection, [address]).get(address)
            return deeds.is_paused(connection, present.id), held

    is_paused, held = await run_in_threadpool(look)
    preview = await face.preview(request, tried)
    language = face.tongue(request)
    choices = await run_in_threadpool(face.past.choices)
    zone = face.config().zone(present)
    next_at = schedule.next_slot(parse_cadence(present.digest), zone, after=face.clock())
    return face.page(
        request,
        "manage.html.j2",
        422 if wanted.problems else 200,
        subscription=present,
        path=request.url.path,
        done=done or language.say(DONE.get(request.query_params.get("done", ""), " ")).strip(),
        is_paused=is_paused,
        held=held,
        next_at=_told(next_at, zone, language) if next_at else "",
        times=times(parse_cadence(present.digest), None, language),
        usual_language=face.config().settings.digest.language,
        is_edited=tried != present,
        most_rules=MOST_RULES,
        today=face.clock().date(),
        preview=preview,
        choices=choices,
        archive_path=f"/archive/{face.links.token(Purpose.ARCHIVE, present.id)}",
        feed_path=f"/feed/{face.links.token(Purpose.FEED, present.id)}",
        told=await feedback.told(face, present, tried, language),
        **form_context(wanted),
    )
