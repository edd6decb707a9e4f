"""`preview`: a digest as it would go out now. Nothing is written to the database, nothing sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from watcher.cli.common import (
    ALL_SOURCES_FAILED,
    USAGE,
    ConfigOption,
    JsonOption,
    QuietOption,
    StateOption,
    VerboseOption,
    common,
    fail,
    guarded,
    print_json,
    say,
)
from watcher.cli.drawing import DEFAULT_WIDTH, LEAST_WIDTH, MOST_WIDTH, draw
from watcher.errors import DrawingError

if TYPE_CHECKING:
    import datetime as dt

    import sqlalchemy as sa

    from watcher.models import DigestPaper, Rendered
    from watcher.pipeline.context import Context
    from watcher.settings import Config


@dataclass(frozen=True, slots=True)
class _Preview:
    """A digest and where its papers come from; `looked_count` is how many were judged for it."""

    rendered: Rendered
    paper_ids: tuple[str, ...]
    origin: Literal["pending", "listings", "live"]
    looked_count: int


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("preview")(preview)


@guarded
def preview(
    context: typer.Context,
    subscription: Annotated[str, typer.Argument(help="Its name, or file/name.")],
    is_opened: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    is_text: Annotated[bool, typer.Option("--text", help="Print the plain text.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the HTML here, not to a new file in /tmp.")
    ] = None,
    png: Annotated[
        Path | None, typer.Option("--png", help="Draw the whole mail here, with Chromium.")
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(
            min=LEAST_WIDTH,
            max=MOST_WIDTH,
            help=f"The picture's width in CSS pixels. [default: {DEFAULT_WIDTH}]",
        ),
    ] = None,
    is_dark: Annotated[bool, typer.Option("--dark", help="Draw it as in dark mode.")] = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
) -> None:
    """The digest as it would go out now: from what waits, else from the pages as they stand."""
    from watcher import app

    options = common(context, config, state_dir, as_json=as_json, verbose=verbose, quiet=quiet)
    if not png and (width or is_dark):
        fail("--width and --dark are for a picture: say where to draw it with --png FILE", USAGE)
    program = _browser() if png else None
    found = _look(options.load_whole("warning"), subscription, app.utc_now())
    written = drawn = None
    if found.paper_ids and png and program:
        picture = draw(found.rendered.html, program, width or DEFAULT_WIDTH, is_dark=is_dark)
        drawn = _write(picture, png)
    if found.paper_ids and (html or is_opened or not (is_text or options.as_json)):
        written = _write(found.rendered.html.encode(), html)
    if options.as_json:
        print_json(_as_contract(found, written, drawn))
    else:
        _report(found, written, drawn, is_text=is_text)
    if is_opened and (shown := drawn or written):
        import webbrowser

        if not webbrowser.open(shown.as_uri()):
            say("no browser could be started; open the file yourself")


def _browser() -> str:
    """What draws, looked for before any page is read."""
    from watcher.cli import chromium

    try:
        program = chromium.find(os.environ)
    except DrawingError as error:
        fail(str(error), USAGE)
    if program is None:
        fail(
            "there is no Chromium to draw with: install one (on Debian, as root: apt-get install"
            f" chromium; on macOS: Google Chrome), or name its program in {chromium.VARIABLE}",
            USAGE,
        )
    return program


def _look(config: Config, word: str, now: dt.datetime) -> _Preview:
    """What is pending, else what the stored pages hold, else what the site shows now."""
    from watcher import app
    from watcher.cli.names import pick_subscription
    from watcher.errors import NoDatabaseError

    with (
        contextlib.suppress(NoDatabaseError),
        app.reading(config) as database,
        ThreadPoolExecutor(1) as unused,
    ):
        context = app.build(config, database, unused, clock=lambda: now, is_rehearsal=True)
        found = _of_store(context, pick_subscription(context.config, word), now)
        if found:
            return found
    return asyncio.run(_live(config, word, now))


async def _live(config: Config, word: str, now: dt.datetime) -> _Preview:
    from dataclasses import replace

    from watcher import app
    from watcher.cli.names import pick_subscription
    from watcher.engine import Request

    with app.rehearsing(config, now) as database:
        async with app.running(config, database, is_rehearsal=True) as engine:
            context = engine.context
            subscription_id = pick_subscription(context.config, word)
            say(f"nothing is stored yet: reading {config.settings.http.base_url} now")
            names = context.sources_of(context.subscriptions[subscription_id])
            result = await engine.run_pass(Request(sources=names, subscriptions=()))
            for checked in result.sources:
                if checked.error:
                    say(f"{checked.source}: {checked.outcome} ({checked.error})")
            found = _of_store(context, subscription_id, now)
    if found is None:
        fail("no page could be read, so there is nothing to show", ALL_SOURCES_FAILED)
    return replace(found, origin="live")


def _of_store(context: Context, subscription_id: str, now: dt.datetime) -> _Preview | None:
    from watcher.digest import render_digest
    from watcher.pipeline.freezing import choose, content

    subscription = context.subscriptions[subscription_id]
    origin: Literal["pending", "listings"] = "pending"
    with context.database.read() as connection:
        chosen, withdrawn = choose(context, connection, subscription)
        looked_count = len(chosen) + len(withdrawn)
        if not chosen:
            origin = "listings"
            listed = _listed(context, connection, subscription_id, now)
            if listed is None:
                return None
            chosen, looked_count = listed
        told = content(context, connection, subscription, chosen, now)
        rendered = render_digest(told, context.config.settings.digest.templates)
    ids = tuple(each.paper.id for each in chosen)
    return _Preview(rendered, ids, origin, looked_count)


def _listed(
    context: Context, connection: sa.Connection, subscription_id: str, now: dt.datetime
) -> tuple[tuple[DigestPaper, ...], int] | None:
    """The papers of the current listings that satisfy the rules, of how many; None: no listing."""
    from watcher.models import DigestPaper
    from watcher.pipeline.momentum import votes_per_day
    from watcher.sources import TAIL
    from watcher.store import papers

    names = context.sources_of(context.subscriptions[subscription_id])
    listings = [
        listing
        for listing in papers.listings_to_match(connection, now, TAIL)
        if listing.source in names
    ]
    if not listings:
        return None
    ids = dict.fromkeys(paper_id for listing in listings for paper_id in listing.paper_ids)
    stored = papers.load(connection, ids)
    gained = votes_per_day(connection, stored.values(), now)
    judged = [
        (stored[paper_id].paper, judgement)
        for paper_id in ids
        for judgement in context.ruleset.judge(
            stored[paper_id].paper,
            now=now,
            as_it_stands=True,
            only={subscription_id},
            votes_per_day=gained[paper_id],
        )
    ]
    chosen = tuple(DigestPaper(paper, judgement.reasons, now) for paper, judgement in judged)
    return chosen, len(ids)


def _write(content: bytes, path: Path | None) -> Path:
    if path is None:
        descriptor, name = tempfile.mkstemp(prefix="paper-watcher-preview-", suffix=".html")
        os.close(descriptor)
        path = Path(name)
    try:
        path.write_bytes(content)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", USAGE)
    return path.absolute()


def _as_contract(found: _Preview, written: Path | None, drawn: Path | None) -> dict[str, object]:
    return {
        "origin": found.origin,
        "papers": list(found.paper_ids),
        "looked_at": found.looked_count,
        "subject": found.rendered.subject if found.paper_ids else None,
        "text": found.rendered.text if found.paper_ids else None,
        "html": str(written) if written else None,
        "png": str(drawn) if drawn else None,
    }


def _report(found: _Preview, written: Path | None, drawn: Path | None, *, is_text: bool) -> None:
    from watcher.cli.tables import count

    papers = count(len(found.paper_ids), "paper")
    looked = count(found.looked_count, "paper")
    if not found.paper_ids:
        print(f"None of the {looked} on the pages satisfies the rules: nothing would be mailed.")
        print("`watcher explain` with the id or words of the title of one says why not.")
        return
    say(
        {
            "pending": f"{papers} wait for the next digest",
            "listings": f"nothing waits; of the {looked} on the pages as last read, {papers} fit,"
            " mailed before or not",
            "live": f"of the {looked} on the pages now, {papers} fit",
        }[found.origin]
    )
    if found.rendered.complaint:
        say(f"your own templates are not used: {found.rendered.complaint}")
    if is_text:
        print(found.rendered.text)
    for path in (written, drawn):
        if path:
            print(path)
