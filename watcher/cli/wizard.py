"""`init`: from a few answers to a configuration that was tried before it is written."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher import logs
from watcher.cli.asking import Asker, yes_or_no
from watcher.cli.check_config import OfflineOption
from watcher.cli.common import (
    ALL_SOURCES_FAILED,
    BAD_CONFIG,
    NOT_WELL,
    USAGE,
    ConfigOption,
    StateOption,
    common,
    fail,
    guarded,
    is_interactive,
    say,
)
from watcher.cli.setup import Place, Setup
from watcher.cli.subscribing import AnyOption, EveryPaperOption, TopicOption
from watcher.errors import ConfigError, WatcherError
from watcher.settings import SYSTEM_CONFIG, find_config, find_state_dir, user_config

if TYPE_CHECKING:
    from watcher.settings import Config


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("init")(init)


@guarded
def init(
    context: typer.Context,
    to: Annotated[
        list[str] | None, typer.Option("--to", help="Who gets the digests; may be repeated.")
    ] = None,
    any_: AnyOption = None,
    topic: TopicOption = None,
    every_paper: EveryPaperOption = False,
    digest: Annotated[
        str | None, typer.Option("--digest", help="When. [default: daily 08:00]")
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="An IANA name. [default: the machine's]")
    ] = None,
    smtp_host: Annotated[str | None, typer.Option("--smtp-host", help="The mail server.")] = None,
    smtp_port: Annotated[
        int | None, typer.Option("--smtp-port", help="[default: 587; on this machine 25]")
    ] = None,
    smtp_security: Annotated[
        str | None,
        typer.Option("--smtp-security", help="starttls, tls or none. [default: by the port]"),
    ] = None,
    smtp_username: Annotated[
        str | None, typer.Option("--smtp-username", help="- for none.")
    ] = None,
    smtp_password_file: Annotated[
        Path | None,
        typer.Option(
            "--smtp-password-file", help="A file with the password alone; it stays there."
        ),
    ] = None,
    sender: Annotated[
        str | None, typer.Option("--from", help="[default: the user name, else the first --to]")
    ] = None,
    maildir: Annotated[
        bool, typer.Option("--maildir", help="No mail server: put mails into a folder.")
    ] = False,
    max_age_days: Annotated[
        int, typer.Option("--max-age-days", min=0, help="Older papers are no news; 0: no limit.")
    ] = 30,
    service: Annotated[
        bool | None,
        typer.Option("--service/--no-service", help="Have the machine start the watcher."),
    ] = None,
    offline: OfflineOption = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing: flags and defaults are the answers.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a configuration that is there.")
    ] = False,
    system: Annotated[
        bool, typer.Option("--system", help="For the whole machine; root's default.")
    ] = False,
    new_database: Annotated[
        bool,
        typer.Option(
            "--new-database", help="Do no more than begin anew where the database is lost."
        ),
    ] = False,
    config: ConfigOption = None,
    state_dir: StateOption = None,
) -> None:
    """Set everything up by a few questions; every answer can be a flag."""
    from watcher.cli.answers import Given

    options = common(context, config, state_dir)
    if new_database:
        _begin_anew(options.load("warning"))
        return
    logs.configure(options.level("error"))
    asker = Asker(is_interactive() and not yes)
    place = place_of(options.config, options.state_dir, is_system=system, uid=os.geteuid())
    given = Given(
        to=_joined(to),
        any=_joined(any_),
        topics=_joined(topic),
        is_every_paper=every_paper,
        digest=digest,
        timezone=timezone,
        is_maildir=maildir,
        host=smtp_host,
        port=smtp_port,
        security=smtp_security,
        username=smtp_username,
        password_file=smtp_password_file,
        sender=sender,
        max_age_days=max_age_days,
    )
    if maildir and given.is_about_smtp:
        fail("--maildir means no mail server: leave out --smtp-…, or --maildir", USAGE)
    _see_place(place, asker, is_forced=force)
    missing = given.missing(is_system=place.is_system)
    if missing and not asker.is_asking:
        fail(f"nobody is asked here, so say it by flags: {'; '.join(missing)}", USAGE)
    if asker.is_asking:
        print(f"This makes {place.path}. Nothing is written before the end; Ctrl-C leaves.\n")
    setup = Setup(asker, place, given, is_offline=offline)
    setup.ask()
    loaded = setup.write()
    is_good = _tell(loaded, is_offline=offline)
    _offer_service(loaded, asker, wanted=service)
    _say_next(loaded)
    if not is_good:
        raise typer.Exit(BAD_CONFIG)
    if setup.is_mail_failing:
        raise typer.Exit(NOT_WELL)


def _begin_anew(loaded: Config) -> None:
    from watcher import app
    from watcher.cli.owner import act_as_owner

    act_as_owner(loaded.state_dir)
    with app.writing(loaded, "init", app.utc_now(), is_new=True) as database:
        print(f"{database.name} is new and empty")
    say(
        "it knows of no mail that was sent: what the rules find on the pages now is mailed again.\n"
        '`first_run = "baseline"` in a subscription has it mail only what is new from now on.'
    )


def place_of(config: Path | None, state_dir: Path | None, *, is_system: bool, uid: int) -> Place:
    """Where a configuration goes that is made by `uid`, when these flags were given."""
    is_system = is_system or (config is None and uid == 0)
    path = config or (SYSTEM_CONFIG if is_system else user_config(os.environ))
    path = path.expanduser().absolute()
    return Place(path, find_state_dir(state_dir, os.environ, path), is_system)


def _joined(words: list[str] | None) -> str | None:
    return None if words is None else ", ".join(words)


def _see_place(place: Place, asker: Asker, *, is_forced: bool) -> None:
    """End the command where the file may not be written."""
    path = place.path
    try:
        is_there = path.exists()
        nearest = next(parent for parent in path.parents if parent.exists())
    except OSError as error:
        fail(f"{path} cannot be looked at: {error.strerror}; with sudo, or elsewhere", USAGE)
    if path.is_dir():
        fail(f"{path} is a directory; name a file in it", USAGE)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        fail(f"{nearest} cannot be written to; with sudo, or with --config elsewhere", USAGE)
    if is_there and not is_forced:
        if not asker.is_asking:
            fail(f"{path} is there already; --force replaces it", USAGE)
        if not yes_or_no(f"{path} is there already. Replace it?", default=False):
            fail("it was left as it is", ALL_SOURCES_FAILED)


def _tell(loaded: Config, *, is_offline: bool) -> bool:
    from watcher.cli.check_config import examine, show

    report = examine(loaded, is_offline=is_offline)
    print()
    show(report)
    return not report.problems


def _offer_service(loaded: Config, asker: Asker, *, wanted: bool | None) -> None:
    from watcher.cli.installing import install_for

    if wanted is None and asker.is_asking:
        wanted = yes_or_no("\nHave this machine start the watcher, and keep it on?", default=True)
        try:
            if wanted:
                install_for(loaded)
        except WatcherError as error:
            say(f"watcher: {error}")
            say("`watcher service install` does it later")
    elif wanted:
        install_for(loaded)


def _say_next(loaded: Config) -> None:
    where = _flags_for(loaded)
    settings = loaded.settings
    name = settings.subscriptions[0].id if settings.subscriptions else "papers"
    mails = (
        f"puts one into {loaded.state_dir / settings.mail.maildir}"
        if settings.mail.transport == "maildir"
        else "mails you a test"
    )
    print(f"\nNext:\n  watcher{where} preview {name}   shows the digest as it would be now")
    print(f"  watcher{where} send-test        {mails}")
    print(f"  watcher{where} run              watches until stopped")
    print(f"  watcher{where} service install  has the machine do that")


def _flags_for(loaded: Config) -> str:
    """The flags without which the next command would not find this configuration and its state."""
    try:
        found = find_config(None, os.environ)
    except ConfigError:
        found = None
    flags = "" if found == loaded.path else f" --config {shlex.quote(str(loaded.path))}"
    if find_state_dir(None, os.environ, loaded.path) != loaded.state_dir:
        flags += f" --state-dir {shlex.quote(str(loaded.state_dir))}"
    return flags
