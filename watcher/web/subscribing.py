"""Subscribing: the form, its preview, the mail that asks, and the button that agrees."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from watcher.digest.language import Language
from watcher.links import BY_PAGES, Purpose
from watcher.settings import (
    Config,
    SubscriptionSettings,
    definition_of,
    parse_cadence,
    read_definitions,
)
from watcher.store import links as decided
from watcher.web import deeds, pages, tongues, wish
from watcher.web.deeds import Confirmed
from watcher.web.face import Face, Refused
from watcher.web.guard import MAILS_OF_ADDRESS
from watcher.web.letters import confirmation
from watcher.web.post import Made
from watcher.web.problems import Problem
from watcher.web.sentences import either, times
from watcher.web.tongues import phrase, tongue
from watcher.web.trying import Preview, TopicChoice
from watcher.web.wish import Wish, WishError

LONGEST_URL = 1_900
"""What all mail programs and web servers take in one piece."""


async def start(face: Face, request: Request) -> Response:
    """The form, empty."""
    config, choices = face.config(), face.past.at_hand()
    if choices is None:
        choices = await run_in_threadpool(face.past.choices)
    shown = choices

    def context() -> Mapping[str, object]:
        language = face.tongue(request)
        wanted = Wish(timezone=config.zone().key, language=language.code)
        return _context(config, language, wanted, shown)

    return face.same_page(request, "subscribe.html.j2", (config, shown), context)


async def submit(face: Face, request: Request) -> Response:
    """The form again with its preview; or the mail that asks, and the same answer whatever."""
    form = await face.form(request)
    wanted = Wish.of_form(form)
    try:
        subscription = _checked(face, wanted)
        if form.get("act") != ["subscribe"]:
            preview = await face.preview(request, subscription)
            return await _form_page(face, request, wanted, preview=preview)
        _see_may_join(face, subscription, face.tongue(request))
    except WishError as error:
        return await _form_page(face, request, replace(wanted, problems=error.problems))
    language = tongue(subscription.language or face.tongue(request).code)
    await face.send(request, partial(_confirmation, face, subscription, language))
    return RedirectResponse("/sent", 303)


async def sent(face: Face, request: Request) -> Response:
    """That a mail is on its way, if one is."""
    return face.page(request, "sent.html.j2")


def _checked(face: Face, wanted: Wish) -> SubscriptionSettings:
    """What is asked for. Raises WishError."""
    subscription_id = f"{BY_PAGES}{secrets.token_hex(6)}/{wish.NAME}"
    subscription = wanted.subscription(subscription_id, face.config().settings.topics)
    link = face.links.url(Purpose.CONFIRM, definition_of(subscription))
    if len(link) > LONGEST_URL:
        message = phrase("these are too many for the link in a mail; add some of them later")
        raise WishError({"words": Problem(message)})
    return subscription


def _see_may_join(face: Face, subscription: SubscriptionSettings, language: Language) -> None:
    if not all(map(face.may_join, subscription.to)):
        allowed = either(face.config().settings.web.allow, language)
        message = phrase("only %(addresses)s can subscribe here")
        raise WishError({"address": Problem(message, {"addresses": allowed})})


def _confirmation(face: Face, subscription: SubscriptionSettings, language: Language) -> Made:
    """The mail that asks, and whether that address shall have one now."""
    now, [address] = face.clock(), subscription.to
    with face.reader.read() as connection:
        is_wanted = decided.may_be_asked(connection, address)
    limits = {("address", decided.mailbox_of(address)): MAILS_OF_ADDRESS}
    has_had_enough = face.limits.take(face.database, limits, now) is not None
    made = confirmation(face.config(), face.links, subscription, now, language)
    return Made("confirm", made, is_wanted=is_wanted and not has_had_enough)


async def _form_page(
    face: Face, request: Request, wanted: Wish, preview: Preview | None = None
) -> Response:
    choices = await run_in_threadpool(face.past.choices)
    language = face.tongue(request)
    if not wanted.language:
        wanted = replace(wanted, language=language.code)
    context = _context(face.config(), language, wanted, choices, preview)
    return face.page(request, "subscribe.html.j2", 422 if wanted.problems else 200, **context)


def _context(
    config: Config,
    language: Language,
    wanted: Wish,
    choices: tuple[TopicChoice, ...],
    preview: Preview | None = None,
) -> Mapping[str, object]:
    return {
        "preview": preview,
        "allowed": either(config.settings.web.allow, language),
        **form_context(wanted),
        "choices": choices,
    }


def form_context(wanted: Wish) -> Mapping[str, object]:
    """What the fields of the form are filled with."""
    zones = pages.zones()
    return {
        "wish": wanted,
        "problems": wanted.problems,
        "days": wish.DAYS,
        "as_it_is": wish.AS_IT_IS,
        "languages": wish.LANGUAGES,
        "zones": zones if wanted.timezone in zones else (wanted.timezone, *zones),
    }


async def ask(face: Face, request: Request) -> Response:
    """What would be subscribed to, and a button: scanners of mails follow links."""
    subscription = _of_link(face, request)
    preview = await face.preview(request, subscription)
    return face.page(
        request,
        "confirm.html.j2",
        subscription=subscription,
        times=times(
            parse_cadence(subscription.digest),
            face.config().zone(subscription),
            face.tongue(request),
        ),
        preview=preview,
    )


async def agree(face: Face, request: Request) -> Response:
    """Subscribe; on to the page where it can be changed."""
    subscription = _of_link(face, request)
    await face.form(request)
    if not all(map(face.may_join, subscription.to)):
        raise Refused(
            403, phrase("This address may not subscribe"), phrase("The operator has decided so.")
        )
    done, subscription_id = await run_in_threadpool(
        deeds.confirm, face.database, subscription, request.path_params["token"], face.clock()
    )
    if done is Confirmed.SUPPRESSED:
        raise Refused(
            403,
            phrase("This address is never written to"),
            phrase("Its owner asked for that. Only the operator can take it back."),
        )
    if done is Confirmed.USED:
        raise Refused(
            410,
            phrase("This link was used already"),
            phrase("What it subscribed to has ended since."),
        )
    token = face.links.token(Purpose.MANAGE, subscription_id, subscription.to[0])
    word = "already" if done is Confirmed.ALREADY else "confirmed"
    return RedirectResponse(f"/manage/{token}?done={word}", 303)


def _of_link(face: Face, request: Request) -> SubscriptionSettings:
    """The subscription that the link tells of, as good now as it was then. Raises Refused."""
    [definition] = face.told(request, Purpose.CONFIRM)
    chosen, _ = read_definitions({"": definition})
    for subscription in chosen:
        if wish.can_be_followed(subscription, face.config().settings.topics):
            tongues.choose(request, subscription.language)
            return subscription
    raise Refused(
        410,
        phrase("This link does not work any more"),
        phrase("Rules are written differently by now."),
    )
