"""`backtest`: the rules as they are, or as an edit would make them, on papers of the past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.common import (
    ALL_SOURCES_FAILED,
    NOT_WELL,
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watcher.backtest import Feedback, Report
    from watcher.cli.gathering import Gathered
    from watcher.cli.trials import Trials

DaysOption = Annotated[
    int, typer.Option("--days", min=1, max=3650, help="Papers first seen in so many days.")
]
FetchOption = Annotated[
    bool, typer.Option("--fetch", help="Read the site's pages of these days, too; store nothing.")
]

NOTE = "Each paper is judged by its facts and votes of today, and as old as it was when first seen."


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("backtest")(backtest)


@guarded
def backtest(
    context: typer.Context,
    days: DaysOption = 30,
    subscription: Annotated[
        str | None, typer.Option("--subscription", help="This one only: its name, or file/name.")
    ] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            "--rule",
            help="Try this rule (TOML), in place of the subscription's if one is named; "
            "may be repeated.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="An edited copy of the configuration, or of a subscriptions.d file."
        ),
    ] = None,
    fetch: FetchOption = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with plots here.")
    ] = None,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
) -> None:
    """What the rules, or edited ones, find among the papers of the past, and what is wrong."""
    from watcher import app
    from watcher.cli import backtest_output as output
    from watcher.cli.gathering import gather, said_of
    from watcher.cli.trials import choose

    options = common(context, config, state_dir, as_json=as_json, verbose=verbose, quiet=quiet)
    if rule and against:
        fail("--rule and --against are two edits; try one at a time", USAGE)
    loaded = options.load_whole("warning")
    trials = choose(loaded, subscription, rule or [], against)
    gathered = gather(loaded, days, app.utc_now(), is_fetching=fetch, is_quiet=options.quiet)
    said = said_of(loaded, (one.id for one in trials.edited))
    report = _replayed(trials, gathered, said, days)
    if html:
        _write(html, report, loaded.settings.http.base_url)
    if options.as_json:
        print_json(output.as_contract(report, gathered, html))
    else:
        output.show(report)
        if html:
            say(f"{html} is written")
    trouble = gathered.fetched and gathered.fetched.trouble
    if trouble:
        raise typer.Exit(NOT_WELL if report.papers else ALL_SOURCES_FAILED)


def _replayed(
    trials: Trials, gathered: Gathered, said: Mapping[str, Feedback], days: int
) -> Report:
    from watcher.backtest import Report, Tried, Window, replay, replay_feedback

    papers = gathered.papers
    edited = replay(trials.edited, trials.topics, papers)
    before = {one.id: one for one in replay(trials.before, trials.topics_before, papers)}
    told, told_before = (
        {each.id: replay_feedback(each, topics, said[each.id]) for each in asked if each.id in said}
        for asked, topics in (
            (trials.edited, trials.topics),
            (trials.before, trials.topics_before),
        )
    )
    tried = tuple(
        Tried(
            one,
            before.get(one.id),
            one.id in trials.new,
            told.get(one.id),
            told_before.get(one.id),
        )
        for one in edited
    )
    return Report(
        days,
        Window.of(papers),
        papers,
        tried,
        trials.unchanged,
        trials.missing,
        (NOTE, *gathered.notes) if papers else gathered.notes,
    )


def _write(path: Path, report: Report, hub_url: str) -> None:
    from watcher.backtest import render_page

    try:
        path.write_text(render_page(report, hub_url), encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}", USAGE)
