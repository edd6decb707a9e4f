"""`subscriptions list|show|remove`: who gets what, and the end of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher.cli import links, names, standing, storing, subscribing, suppressing
from watcher.cli.asking import consent
from watcher.cli.common import (
    USAGE,
    ConfigOption,
    JsonOption,
    StateOption,
    common,
    fail,
    guarded,
    print_json,
    say,
)
from watcher.cli.configs import before, path_of
from watcher.cli.known import known_of
from watcher.cli.standing import NameArgument
from watcher.cli.storing import StoredOption
from watcher.cli.subscribing import FOLDER

if TYPE_CHECKING:
    from watcher.settings import Config
    from watcher.store.bounces import PausedRecipient
    from watcher.store.leaving import LeftRecipient


_TAKEN_UP = (
    "A running daemon takes that up at its next check, or on SIGHUP: mails that wait are cancelled"
    " then. What was sent stays known."
)


def register(app: typer.Typer) -> None:
    """Add `subscriptions` with all that is under it, `add` and `rename`."""
    group = typer.Typer(
        help="Who gets which papers: add, list, show, pause, remove, import, export and more.",
        no_args_is_help=True,
        rich_markup_mode=None,
        callback=before,
    )
    group.command("add")(subscribing.add)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("pause")(standing.pause)
    group.command("resume")(standing.resume)
    group.command("remove")(remove)
    group.command("links")(links.links)
    group.command("suppressed")(suppressing.suppressed)
    group.command("suppress")(suppressing.suppress)
    group.command("unsuppress")(suppressing.unsuppress)
    group.command("import")(storing.import_)
    group.command("export")(storing.export)
    app.add_typer(group, name="subscriptions")
    app.command("add")(subscribing.add)
    app.command("rename")(standing.rename)


@guarded
def list_(
    context: typer.Context,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """All subscriptions, one in a line."""
    from watcher import app
    from watcher.cli.check_config import sentence, subscription_contract
    from watcher.cli.checking import describe_subscription
    from watcher.cli.tables import table

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    stored = known_of(loaded)
    now = app.utc_now()
    reports = [describe_subscription(loaded, s, now) for s in loaded.settings.subscriptions]
    if options.as_json:
        print_json(
            [
                subscription_contract(each)
                | {"stored": loaded.is_stored(each.id)}
                | {"standing": stored.standing_of(each.id).word}
                | _paused_contract(stored.paused_of(each.recipients))
                | _left_contract(stored.left.among(each.id, each.recipients))
                for each in reports
            ]
        )
    else:
        table(
            ("subscription", "to", "digest", "standing", "rules"),
            [
                (
                    each.id,
                    ", ".join(stored.recipient(each.id, address) for address in each.recipients),
                    each.digest,
                    stored.standing_of(each.id).word,
                    "; or ".join(sentence(rule.sentence) for rule in each.rules),
                )
                for each in reports
            ],
        )
        if not reports:
            print("Nobody is subscribed; `watcher add ADDRESS --any KEYWORD` subscribes somebody.")
    for problem in loaded.broken:
        say(f"left out: {problem}")
    for each in sorted(loaded.from_store.hidden):
        say(f"in the store, too, where a file's counts: {each}")


@guarded
def show(
    context: typer.Context,
    name: NameArgument,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """One subscription: to whom, when, which rules, and where it is written."""
    from watcher import app
    from watcher.cli.check_config import row, show_subscription, subscription_contract
    from watcher.cli.checking import describe_subscription

    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    known = {s.id: s for s in loaded.settings.subscriptions}
    chosen = names.pick("subscription", name, {s.id: s.name for s in known.values()})
    report = describe_subscription(loaded, known[chosen], app.utc_now())
    stored = known_of(loaded)
    stands, paused = stored.standing_of(chosen), stored.paused_of(report.recipients)
    left = stored.left.among(chosen, report.recipients)
    if options.as_json:
        print_json(
            subscription_contract(report)
            | {"stored": loaded.is_stored(chosen), "standing": stands.word}
            | _paused_contract(paused)
            | _left_contract(left)
        )
        return
    show_subscription(report, None)
    row("written", f"in {report.path}, line {report.line or 1}" if report.path else "in the store")
    if chosen in loaded.from_store.hidden:
        row("stored", "in the store, too: that one counts once the file has it no more")
    row("standing", stands.text)
    from watcher.overview.problems import left_by_click, way_back, way_to_return

    for gone in left:
        row("left", f"{left_by_click(gone)}; {way_to_return(gone)}")
    for each in paused:
        row(
            "paused",
            f"{each.address} since {each.paused_at:%Y-%m-%d %H:%M} UTC: {way_back(each)}",
        )


def _paused_contract(paused: Iterable[PausedRecipient]) -> dict[str, object]:
    """The paused recipients of a subscription for machines."""
    return {
        "paused": [
            {"recipient": each.address, "since": each.paused_at.isoformat(), "reason": each.reason}
            for each in paused
        ]
    }


def _left_contract(left: Iterable[LeftRecipient]) -> dict[str, object]:
    """Who of its recipients has left a subscription, for machines."""
    return {
        "left": [{"recipient": each.address, "since": each.left_at.isoformat()} for each in left]
    }


@guarded
def remove(
    context: typer.Context,
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    stored: StoredOption = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Unsubscribe: delete its file in subscriptions.d, or say which lines to delete.

    One that stands in the store is taken out there.
    """
    options = common(context, config, state_dir, as_json=as_json)
    loaded = options.load_whole("warning")
    if stored or storing.is_of_store(loaded, name):
        gone = storing.remove_stored(loaded, name, is_given=yes)
        if options.as_json:
            print_json({"removed": gone})
        else:
            print(f"{gone} is removed from the store. {_TAKEN_UP}")
        return
    path, chosen = _file_of(loaded, name)
    consent(f"Delete {path}?", is_given=yes)
    try:
        path.unlink()
    except OSError as error:
        fail(f"{path} cannot be deleted: {error.strerror}", USAGE)
    if options.as_json:
        print_json({"deleted": str(path)})
    else:
        print(f"{path} is deleted. {_TAKEN_UP}")
        if chosen in loaded.from_store.hidden:
            print(
                f"{chosen} stands in the store, too, and that one counts then;"
                f" `watcher subscriptions remove --stored {chosen}` takes it out there."
            )


def _file_of(config: Config, name: str) -> tuple[Path, str]:
    """The file that holds this subscription and no other, and its id; else it ends with 2."""
    ids = {s.id: s.name for s in config.settings.subscriptions}
    lone = path_of(config).parent / FOLDER / f"{name}.toml"
    if name not in ids and name not in ids.values() and lone in {p.path for p in config.broken}:
        return lone, name  # a broken file can be removed too
    chosen = names.pick("subscription", name, ids)
    path, line = config.locate(chosen, "")
    path = path or path_of(config)
    others = [each for each in ids if each != chosen and config.file_of(each) == path]
    if path == config.path or others:
        first, last = _span(path, line or 1)
        beside = f", which holds {', '.join(others)} too" if path != config.path else ""
        fail(
            f"{chosen} stands in {path}{beside}: delete lines {first} to {last} there.\n"
            f"`watcher subscriptions pause {chosen}` holds it back without that.",
            USAGE,
        )
    return path, chosen


def _span(path: Path, line: int) -> tuple[int, int]:
    """The first and last line (from 1) of the subscription whose table begins in `line`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    end = len(lines)
    for position in range(line, len(lines)):
        header = re.match(r"\s*\[+\s*([^\]]*)", lines[position])
        if header and not re.match(r"subscriptions\s*\.", header[1]):
            end = position
            break
    while end > line and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
        end -= 1
    return line, end
