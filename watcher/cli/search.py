"""`search`: stored papers that have all the words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
)
from watcher.cli.verdicts import readable_title

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.models import StoredPaper
    from watcher.store.searching import Found


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("search")(search)


@guarded
def search(
    context: typer.Context,
    words: Annotated[
        list[str],
        typer.Argument(
            help="Words, all of them; '\"in quotes\"' a phrase, net* all that begin so, and behind"
            " -- also -word for not that one."
        ),
    ],
    newest: Annotated[
        bool, typer.Option("--newest", help="The newest first, not the most relevant.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=1000, help="How many papers at most.")
    ] = 20,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stored papers with all the words in their titles, abstracts, keywords and authors."""
    from watcher import app, finding
    from watcher.store import papers, searching

    options = common(context, config, state_dir, as_json=as_json)
    query = finding.parse(" ".join(words))
    if not query.can_be_asked:
        fail("say at least one word that is looked for", USAGE)
    with app.reading(options.load("warning")) as database, database.read() as connection:
        found = searching.search(connection, query.terms, is_newest_first=newest, limit=limit)
        known = papers.load(connection, found.ids)
        left_count = searching.count_left(connection)
    chosen = [known[each] for each in found.ids]
    if options.as_json:
        print_json(_as_contract(found, chosen, left_count))
    else:
        _show(found, chosen, left_count)


def _show(found: Found, chosen: Sequence[StoredPaper], left_count: int) -> None:
    from watcher.cli.tables import count, paragraph, table

    rows = [
        (
            each.paper.id,
            f"{each.first_seen_at:%Y-%m-%d}",
            "" if each.paper.upvotes is None else str(each.paper.upvotes),
            readable_title(each.paper),
        )
        for each in chosen
    ]
    if rows:
        table(("id", "first seen", "votes", "title"), rows)
    more = "more than " if found.is_more else ""
    paragraph(f"{more}{count(found.count, 'paper')} found")
    if left_count:
        paragraph(f"{count(left_count, 'paper')} not indexed yet: the next checks do it")


def _as_contract(found: Found, chosen: Sequence[StoredPaper], left_count: int) -> dict[str, object]:
    """What `search --json` prints; scripts rely on these names."""
    return {
        "found": found.count,
        "is_more": found.is_more,
        "not_indexed": left_count,
        "papers": [
            {
                "id": each.paper.id,
                "title": each.paper.title,
                "first_seen_at": each.first_seen_at.isoformat(),
                "upvotes": each.paper.upvotes,
            }
            for each in chosen
        ],
    }
