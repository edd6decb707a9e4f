"""`suggest`: keywords by which a rule would find more, or less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli.backtest import DaysOption, FetchOption
from watcher.cli.common import (
    ALL_SOURCES_FAILED,
    NOT_WELL,
    ConfigOption,
    JsonOption,
    QuietOption,
    StateOption,
    VerboseOption,
    common,
    guarded,
    print_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watcher.backtest import Feedback, Suggestion, Suggestions
    from watcher.cli.gathering import Gathered
    from watcher.settings import RuleSettings, SubscriptionSettings


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("suggest")(suggest)


@guarded
def suggest(
    context: typer.Context,
    subscription: Annotated[str, typer.Argument(help="Its name, or file/name.")],
    rule: Annotated[
        str | None, typer.Option("--rule", help="This rule only: its name, or its number.")
    ] = None,
    days: DaysOption = 30,
    fetch: FetchOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    quiet: QuietOption = False,
) -> None:
    """Keywords to widen or narrow a rule, from what it found among the papers of the past."""
    from watcher import app, backtest, effective
    from watcher.cli.gathering import gather, said_of
    from watcher.cli.names import pick_subscription

    options = common(context, config, state_dir, as_json=as_json, verbose=verbose, quiet=quiet)
    loaded, _ = effective.compile_rules(options.load_whole("warning"), {})
    picked = pick_subscription(loaded, subscription)
    [chosen] = [each for each in loaded.settings.subscriptions if each.id == picked]
    rules = _rules(chosen, rule)
    gathered = gather(loaded, days, app.utc_now(), is_fetching=fetch, is_quiet=options.quiet)
    said = said_of(loaded, [chosen.id]).get(chosen.id)
    found = [
        backtest.suggest(chosen, one, loaded.settings.topics, gathered.papers, said)
        for one in rules
    ]
    if options.as_json:
        print_json(_as_contract(chosen.id, days, gathered, found))
    else:
        _show(found, gathered)
    if gathered.fetched and gathered.fetched.trouble:
        raise typer.Exit(NOT_WELL if gathered.papers else ALL_SOURCES_FAILED)


def _rules(subscription: SubscriptionSettings, word: str | None) -> Sequence[RuleSettings]:
    """The rule that the word names, else all of them."""
    from watcher.cli.names import pick
    from watcher.rules.describe import display_name
    from watcher.settings import RuleSettings

    rules = subscription.rules or (RuleSettings(),)
    if word is None:
        return rules
    known = {str(number): display_name(each) for number, each in enumerate(rules, 1)}
    return [rules[int(pick("rule", word, known)) - 1]]


def _show(found: Sequence[Suggestions], gathered: Gathered) -> None:
    from watcher.cli.tables import count, paragraph

    paragraph(f"{count(len(gathered.papers), 'paper')} looked at.")
    for one in found:
        print()
        paragraph(f'rule "{one.rule}" {one.sentence}: found {count(len(one.papers), "paper")}')
        if one.feedback:
            paragraph(f"Suggested by {_said(one.feedback)}, too.", "  ")
        if not one.is_enough:
            paragraph("Too few to have anything in common; a larger --days looks further back.")
            continue
        if not (one.widening or one.narrowing):
            paragraph("No phrase tells its papers from the others, or some of them from the rest.")
        where = "in a rule of its own" if one.is_new_rule else "in `any`"
        _show_keywords(f"To find more, {where}:", "brings", one.widening)
        _show_keywords("To find less, in `none`:", "drops", one.narrowing)
    for number, note in enumerate(gathered.notes):
        paragraph(f"{'' if number else chr(10)}{note}")


def _show_keywords(heading: str, verb: str, suggestions: Sequence[Suggestion]) -> None:
    from watcher.cli.tables import entry
    from watcher.digest.papers import title_of

    if not suggestions:
        return
    print(f"  {heading}")
    for one in suggestions:
        newest = title_of(one.papers[0].paper)
        counts = ((one.wanted_count, "you wanted"), (one.unwanted_count, "you did not want"))
        known = ", ".join(f"{number} {words}" for number, words in counts if number)
        told = f"{len(one.papers)} ({known})" if known else f"{len(one.papers)}"
        entry(f"{one.keyword}: {verb} {told}, such as {newest}", "    ")


def _said(feedback: Feedback) -> str:
    """`5 papers you wanted, 3 you did not`."""
    from watcher.cli.tables import count

    wanted, unwanted = len(feedback.wanted), len(feedback.unwanted)
    if not wanted:
        return f"{count(unwanted, 'paper')} you did not want"
    told = f"{count(wanted, 'paper')} you wanted"
    return f"{told}, {unwanted} you did not" if unwanted else told


def _as_contract(
    subscription_id: str, days: int, gathered: Gathered, found: Sequence[Suggestions]
) -> dict[str, object]:
    """What `suggest --json` prints; scripts rely on these names."""
    return {
        "subscription": subscription_id,
        "days": days,
        "papers": len(gathered.papers),
        "rules": [
            {
                "name": one.rule,
                "sentence": one.sentence,
                "papers": len(one.papers),
                "is_new_rule": one.is_new_rule,
                **_feedback(one),
                "widening": [_suggestion(each, one.feedback) for each in one.widening],
                "narrowing": [_suggestion(each, one.feedback) for each in one.narrowing],
            }
            for one in found
        ],
        "notes": list(gathered.notes),
    }


def _feedback(found: Suggestions) -> dict[str, object]:
    """Nothing where nobody said anything of a paper."""
    said = found.feedback
    if not said:
        return {}
    counts = {
        "wanted": len(said.wanted),
        "missed": found.missed_count,
        "unwanted": len(said.unwanted),
    }
    return {"feedback": counts}


def _suggestion(suggestion: Suggestion, feedback: Feedback) -> dict[str, object]:
    from watcher.cli.backtest_output import paper_contract

    known = {"wanted": suggestion.wanted_count, "unwanted": suggestion.unwanted_count}
    return {
        "keyword": suggestion.keyword,
        "papers": len(suggestion.papers),
        **(known if feedback else {}),
        "examples": list(map(paper_contract, suggestion.papers[:3])),
    }
