"""`explain`: why a paper was mailed to whom, or was not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    USAGE,
    Common,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
)
from watcher.cli.texts import explain_text
from watcher.cli.verdicts import readable_title, report_rule, rules_contract

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from watcher.models import Paper, StoredPaper
    from watcher.overview.story import Story
    from watcher.store.papers import CurrentListing

_ID = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5})(?:v\d+)?(?!\.?\d)")


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("explain")(explain)


@guarded
def explain(
    context: typer.Context,
    paper: Annotated[
        list[str] | None,
        typer.Argument(help="An arXiv id, a URL of the paper, or words of its title."),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(
            "--text",
            metavar="FILE",
            help="A paper that is not known: title, empty line, abstract. `-` reads stdin.",
        ),
    ] = None,
    subscription: Annotated[
        str | None, typer.Option("--subscription", help="For this subscription only.")
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Why a paper was mailed to whom, or was not: rule by rule, condition by condition.

    With --text: what the rules say of a paper that is not known. The file holds its title, an
    empty line, and its abstract.
    """
    from watcher import app

    options = common(context, config, state_dir, as_json=as_json)
    if bool(paper) is (text is not None):
        fail("name a paper that is known, or a file of another one with --text", USAGE)
    if text is not None:
        explain_text(options, text, subscription, app.utc_now())
    else:
        _explain_known(options, " ".join(paper or ()).strip(), subscription, app.utc_now())


def _explain_known(options: Common, words: str, subscription: str | None, now: dt.datetime) -> None:
    from watcher import app, effective
    from watcher.cli.names import pick_subscription
    from watcher.overview import story
    from watcher.store import feedback

    loaded = options.load_whole("warning")
    with app.reading(loaded) as database:
        loaded, ruleset = effective.compile_rules(loaded, effective.last_good_of(database))
        wanted = pick_subscription(loaded, subscription) if subscription else None
        with database.read() as connection:
            stored = _find(connection, words, as_json=options.as_json)
            listings = story.listed_on(connection, stored.paper.id, now)
            stories = [
                one
                for one in story.tell(loaded, ruleset, connection, stored, now)
                if wanted in {None, one.subscription_id}
            ]
            said = feedback.of_everybody(connection, stored.paper.id)
    if options.as_json:
        print_json(_as_contract(stored, listings, stories, said))
    else:
        _report(stored, listings, stories, said, loaded.zone())


def _find(connection: sa.Connection, words: str, *, as_json: bool) -> StoredPaper:
    """The one paper that the words mean, or the command ends with 2."""
    from watcher.store import papers

    named = _ID.search(words) if " " not in words else None
    if named:
        found = list(papers.load(connection, [named[1]]).values())
        what = f"paper {named[1]} is not known"
    else:
        found = papers.find(connection, words.split()) if words else []
        exact = [one for one in found if one.paper.title.casefold() == words.casefold()]
        found = exact if len(exact) == 1 else found
        what = f"no known paper's title holds: {words}"
    if len(found) == 1:
        return found[0]
    if not found:
        text = (
            f"{what}. Only papers seen on the watched pages are known; `watcher explain --text`"
            " takes any other"
        )
    else:
        text = f"{len(found)} papers or more are meant; name one by its id"
    if as_json:
        rows = [{"id": one.paper.id, "title": one.paper.title} for one in found]
        print_json({"error": text, "papers": rows})
    elif found:
        from watcher.cli.tables import table

        table(("id", "title"), [(one.paper.id, readable_title(one.paper)) for one in found])
    fail(text, USAGE)


def _as_contract(
    stored: StoredPaper,
    listings: Sequence[CurrentListing],
    stories: Sequence[Story],
    said: Mapping[str, bool],
) -> dict[str, object]:
    paper = stored.paper
    return {
        "paper": {
            "id": paper.id,
            "title": paper.title,
            "published_at": paper.published_at.isoformat() if paper.published_at else None,
            "upvotes": paper.upvotes,
            "stars": paper.star_count,
            "first_seen_at": stored.first_seen_at.isoformat(),
            "facts_at": stored.facts_at.isoformat(),
            "listed_on": [_listing_name(listing) for listing in listings],
        },
        "subscriptions": [
            _story_contract(one, paper)
            | ({"is_wanted": said[one.subscription_id]} if one.subscription_id in said else {})
            for one in stories
        ],
    }


def _story_contract(story: Story, paper: Paper) -> dict[str, object]:
    from watcher.cli.history import as_contract as delivery_contract

    match, digest = story.match, story.digest
    return {
        "id": story.subscription_id,
        "name": story.name,
        "state": story.ending,
        "sentence": story.sentence,
        "matched_at": match.matched_at.isoformat() if match else None,
        "digest": {"id": digest.id, "composed_at": digest.composed_at.isoformat()}
        if digest
        else None,
        "deliveries": [delivery_contract(delivery) for delivery in story.deliveries],
        "rules": rules_contract(story.rules, paper),
    }


def _listing_name(listing: CurrentListing) -> str:
    return f"{listing.source} {listing.period.key}" if listing.period else listing.source


def _report(
    stored: StoredPaper,
    listings: Sequence[CurrentListing],
    stories: Sequence[Story],
    said: Mapping[str, bool],
    zone: dt.tzinfo,
) -> None:
    from watcher.cli.tables import line
    from watcher.when import moment

    paper = stored.paper
    line(f"{paper.id}: {readable_title(paper)}")
    facts = [
        f"first seen {moment(stored.first_seen_at, zone)}",
        f"facts of {moment(stored.facts_at, zone)}",
    ]
    if paper.published_at:
        facts.append(f"published {paper.published_at:%Y-%m-%d}")
    if paper.upvotes is not None:
        facts.append(f"{paper.upvotes} votes")
    line(", ".join(facts))
    now_on = ", ".join(_listing_name(listing) for listing in listings)
    line(f"now on: {now_on}" if now_on else "now on none of the watched pages")
    for story in stories:
        print()
        line(f"{story.subscription_id}: {story.sentence}")
        wish = said.get(story.subscription_id)
        if wish is not None:
            line(f"its readers said of it: {'more like this' if wish else 'not this'}")
        for rule in story.rules:
            report_rule(rule)
