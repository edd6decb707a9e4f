"""`add` and `subscriptions add`: a checked file in `subscriptions.d`."""

from __future__ import annotations

import itertools
import os
import re
import tempfile
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
    say,
)
from watcher.cli.configs import faults_in, path_of
from watcher.errors import ConfigError, RuleError
from watcher.settings import Config, SubscriptionSettings, load

if TYPE_CHECKING:
    from watcher.cli.drafts import SubscriptionDraft

FLAGS = {
    "to": "ADDRESS",
    "any": "--any",
    "all": "--all",
    "none": "--none",
    "topics": "--topic",
    "authors": "--author",
    "organizations": "--organization",
    "min_upvotes": "--min-upvotes",
    "digest": "--digest",
    "timezone": "--timezone",
    "language": "--language",
    "sources": "--source",
    "max_age_days": "--max-age-days",
    "name": "--name",
}
FOLDER = "subscriptions.d"

AnyOption = Annotated[
    list[str] | None,
    typer.Option("--any", help="A keyword that is enough; may be repeated, or several by commas."),
]
TopicOption = Annotated[
    list[str] | None,
    typer.Option("--topic", help="A ready-made set of keywords; `watcher topics` lists them."),
]
EveryPaperOption = Annotated[
    bool, typer.Option("--every-paper", help="No rule at all: every paper.")
]


@guarded
def add(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Where the digests go.", show_default=False)],
    any_: AnyOption = None,
    all_: Annotated[
        list[str] | None, typer.Option("--all", help="A keyword that must be there.")
    ] = None,
    none: Annotated[
        list[str] | None, typer.Option("--none", help="A keyword that must not be there.")
    ] = None,
    topic: TopicOption = None,
    author: Annotated[
        list[str] | None, typer.Option("--author", help="An author, whole or last name.")
    ] = None,
    organization: Annotated[
        list[str] | None, typer.Option("--organization", help="An organization of the Hub.")
    ] = None,
    min_upvotes: Annotated[int, typer.Option("--min-upvotes", help="Votes it must have.")] = 0,
    every_paper: EveryPaperOption = False,
    digest: Annotated[
        str, typer.Option("--digest", help="daily 08:00, weekly mon 08:00, each-check, …")
    ] = "",
    timezone: Annotated[str, typer.Option("--timezone", help="An IANA name: Asia/Tokyo.")] = "",
    language: Annotated[
        str, typer.Option("--language", help="Of the digest: en, fr, de, zh or ja.")
    ] = "",
    source: Annotated[
        list[str] | None, typer.Option("--source", help="Only from this source.")
    ] = None,
    max_age_days: Annotated[
        int | None, typer.Option("--max-age-days", help="Older papers are no news; 0: no limit.")
    ] = None,
    name: Annotated[
        str, typer.Option("--name", help="[default: the address's first part]", show_default=False)
    ] = "",
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Subscribe somebody: write a checked file into subscriptions.d/ beside the configuration."""
    from watcher.cli.drafts import RuleDraft, SubscriptionDraft, stem_of
    from watcher.cli.suppressing import suppressed_among, told_of

    options = common(context, config, state_dir, as_json=as_json)
    rule = RuleDraft(
        any=listed(any_),
        all=listed(all_),
        none=listed(none),
        topics=listed(topic),
        authors=tuple(author or ()),
        organizations=tuple(organization or ()),
        min_upvotes=min_upvotes,
    )
    if rule.is_empty and not every_paper:
        fail(
            "which papers? Give --any KEYWORD, --topic TOPIC, --author NAME … or --every-paper",
            USAGE,
        )
    if every_paper and not rule.is_empty:
        fail("--every-paper contradicts the rule beside it; leave one out", USAGE)
    draft = SubscriptionDraft(
        to=listed([address]),
        rule=rule,
        name=name.strip(),
        digest=digest,
        timezone=timezone,
        language=language,
        sources=listed(source),
        max_age_days=max_age_days,
    )
    before = _load(options)
    made = _try_out(draft, before)
    if never := suppressed_among(before, made.to):
        fail(told_of(never[0]), USAGE)
    path = _write(draft, stem_of(draft.name or made.to[0]), before)
    _report(path, before, _load(options), as_json=options.as_json)


def _load(options: Common) -> Config:
    """The configuration, without its warnings: that nobody is subscribed yet is about to change."""
    return load(options.config, state_dir=options.state_dir, environ=os.environ)


def listed(given: list[str] | None) -> tuple[str, ...]:
    """The words of a repeated flag, each of which may hold several between commas."""
    from watcher.cli.drafts import split

    return tuple(itertools.chain.from_iterable(split(words) for words in given or ()))


def _try_out(draft: SubscriptionDraft, config: Config) -> SubscriptionSettings:
    """What the loader makes of it, beside the sources and topics of `config`.

    Ends the command with 2, naming the flags, where that is nothing good. Raises RuleError for a
    topic of `config` that is not good itself.
    """
    from watcher import app, effective
    from watcher.cli.drafts import subscription_text

    with tempfile.TemporaryDirectory(prefix="paper-watcher-") as folder:
        path = Path(folder, "config.toml")
        path.write_text(_surroundings(config), encoding="utf-8")
        (path.parent / FOLDER).mkdir()
        text = subscription_text(draft, made_on=app.utc_now().date())
        (path.parent / FOLDER / "new.toml").write_text(text, encoding="utf-8")
        try:
            tried, _ = effective.compile_rules(load(path, state_dir=path.parent, environ={}), {})
        except RuleError as error:
            place, line = config.locate("", error.key or "")
            raise RuleError(error.message, path=place, line=line, key=error.key) from error
    if tried.broken:
        found = [problem for error in tried.broken for problem in faults_in(error)]
        fail("\n".join(f"{_flag(each)}: {each.message}" for each in found), USAGE)
    return tried.settings.subscriptions[0]


def _surroundings(config: Config) -> str:
    """A configuration with nothing but what a file of `subscriptions.d` may refer to."""
    import tomlkit

    settings = config.settings
    document = {
        "sources": [
            source.model_dump(include={"name", "kind", "page", "query"}, exclude_defaults=True)
            | {"name": source.name}
            for source in settings.sources
        ],
        "topics": {name: {"any": list(topic.any)} for name, topic in settings.topics.items()},
    }
    return tomlkit.dumps(document)


def _flag(problem: ConfigError) -> str:
    """The flag that gave the value at the problem's key."""
    words = re.findall(r"[a-z_]+", problem.key or "")
    return next((FLAGS[word] for word in reversed(words) if word in FLAGS), "the subscription")


def _write(draft: SubscriptionDraft, stem: str, config: Config) -> Path:
    """Put the file in place; one that is there is never touched. Raises ConfigError."""
    from watcher import app
    from watcher.cli.drafts import subscription_text
    from watcher.cli.writing import make_folder, write_new

    main = path_of(config)
    folder = main.parent / FOLDER
    make_folder(folder, mode=main.parent.stat().st_mode & 0o777)
    text = subscription_text(draft, made_on=app.utc_now().date())
    path, number = folder / f"{stem}.toml", 1
    while not write_new(path, text, like=main):
        if draft.name:
            fail(f"{path} is there already; give another --name, or edit it", USAGE)
        number += 1
        path = folder / f"{stem}-{number}.toml"
    return path


def _report(path: Path, before: Config, after: Config, *, as_json: bool) -> None:
    from watcher import app, schedule
    from watcher.cli.check_config import show_subscription, subscription_contract
    from watcher.cli.checking import describe_subscription
    from watcher.cli.leaving import left_among
    from watcher.cli.leaving import told_of as told_of_left
    from watcher.when import moment

    now = app.utc_now()
    known = {subscription.id for subscription in before.settings.subscriptions}
    made = next(
        s for s in after.settings.subscriptions if s.id not in known and after.file_of(s.id) == path
    )
    report = describe_subscription(after, made, now)
    for gone in left_among(after, [made]):  # one of this name, before
        say(f"warning: {told_of_left(gone)}")
    check_at = schedule.next_check(after.settings.schedule.check, after.zone(), now)
    if as_json:
        print_json(subscription_contract(report) | {"taken_up_at": check_at.isoformat()})
        return
    print(f"{path} is written.\n")
    show_subscription(report, None)
    print(
        f"\nA running daemon takes it up at its next check, {moment(check_at, after.zone())};"
        " SIGHUP (`systemctl reload watcher`) makes it do so now."
    )
