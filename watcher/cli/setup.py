"""A set-up on its way: asked for, loaded and logged in with, and only then written."""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.cli.asking import Asker, choose
from watcher.cli.common import ALL_SOURCES_FAILED, USAGE, fail, say
from watcher.cli.configs import faults_in
from watcher.errors import ConfigError, DeliveryError
from watcher.settings import load

if TYPE_CHECKING:
    from watcher.cli.answers import Given, Mail
    from watcher.cli.drafts import SubscriptionDraft
    from watcher.settings import Config

SERVICE_GROUP = "paper-watcher"

FLAGS = {
    "smtp.host": "--smtp-host",
    "smtp.port": "--smtp-port",
    "smtp.security": "--smtp-security",
    "smtp.username": "--smtp-username",
    "smtp.password_file": "--smtp-password-file",
    "mail.from": "--from",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where the configuration goes; `is_system`: for a service with a user of its own."""

    path: Path
    state_dir: Path
    is_system: bool

    @property
    def password_path(self) -> Path:
        """The file beside it that holds the password alone."""
        return self.path.with_name("smtp-password")


class Setup:
    """The answers as they come in, tried, until they are written."""

    def __init__(self, asker: Asker, place: Place, given: Given, *, is_offline: bool) -> None:
        self._asker, self._place, self._given = asker, place, given
        self._is_offline = is_offline
        self._subscription: SubscriptionDraft
        self._timezone: str
        self._mail: Mail
        self.is_mail_failing = False

    def ask(self) -> None:
        """Get all answers, and try them."""
        from watcher.cli import answers

        self._subscription = answers.ask_subscription(self._asker, self._given)
        self._timezone = answers.ask_timezone(self._asker, self._given)
        given = self._given
        while True:
            self._mail = answers.ask_mail(
                self._asker, given, self._subscription.to[0], is_system=self._place.is_system
            )
            loaded = self._loaded()
            if loaded is None:
                _choose({"a": "answer again", "s": "stop"})
            elif not self._mail.draft.host or self._is_offline or log_in(loaded):
                return
            elif self._goes_on_failing():
                self.is_mail_failing = True
                return
            given = answers.mail_again(given, self._mail)

    def _goes_on_failing(self) -> bool:
        """After the login failed: whether to go on all the same."""
        if not self._asker.is_asking:
            say("going on all the same: `watcher send-test` tries it again")
            return True
        return _choose({"a": "answer again", "g": "go on all the same", "s": "stop"}) == "g"

    def _loaded(self) -> Config | None:
        """What would be written, as the loader reads it; None if it refuses, which was told."""
        with tempfile.TemporaryDirectory(prefix="paper-watcher-") as folder:
            place = replace(self._place, path=Path(folder, "config.toml"))
            password_file = place.password_path if self._mail.password else None
            place.path.write_text(self._text(password_file), encoding="utf-8")
            if password_file:
                password_file.touch(0o600)
                password_file.write_text(f"{self._mail.password}\n", encoding="utf-8")
            try:
                return load(place.path, state_dir=place.state_dir, environ=os.environ)
            except ConfigError as error:
                self._refuse(error)
                return None

    def _refuse(self, error: ConfigError) -> None:
        for problem in faults_in(error):
            say(f"watcher: {FLAGS.get(problem.key or '', problem.key)}: {problem.message}")
        if not self._asker.is_asking:
            fail("nothing was written", USAGE)

    def _text(self, password_file: Path | None) -> str:
        from watcher import app
        from watcher.cli.drafts import config_text

        mail = self._mail.draft
        if password_file is not None:
            mail = replace(mail, password_file=password_file)
        return config_text(
            self._subscription, mail, timezone=self._timezone, made_on=app.utc_now().date()
        )

    def write(self) -> Config:
        """Put the files in place, and load them from there. Raises ConfigError."""
        from watcher.cli.writing import keep_old, make_folder, write_over

        place = self._place
        make_folder(place.path.parent, mode=0o755 if place.is_system else 0o700)
        mode, group = 0o600, -1
        if place.is_system:
            with contextlib.suppress(KeyError):  # made by `service install`, which sets this then
                mode, group = 0o640, grp.getgrnam(SERVICE_GROUP).gr_gid
        password_file = place.password_path if self._mail.password else None
        if password_file:
            write_over(password_file, f"{self._mail.password}\n", mode=mode, group=group)
        kept = keep_old(place.path)
        write_over(place.path, self._text(password_file), mode=mode, group=group)
        print(f"\n{place.path} is written" + (f"; the old one is {kept}" if kept else ""))
        if password_file:
            print(f"{password_file} holds the password, readable by nobody else")
        return load(place.path, state_dir=place.state_dir, environ=os.environ)


def _choose(choices: dict[str, str]) -> str:
    choice = choose("What now?", choices)
    if choice == "s":
        fail("nothing was written", ALL_SOURCES_FAILED)
    return choice


def log_in(config: Config) -> bool:
    """Try to open a session with the mail server; tell how it went."""
    from watcher.mail import make_mailer

    mailer = make_mailer(config.settings, config.state_dir)
    print(f"Trying {mailer.describe()}: ", end="", flush=True)
    try:
        asyncio.run(mailer.probe())
    except DeliveryError as error:
        print("no", flush=True)  # before what is said on the other stream
        say(f"watcher: {error}")
        return False
    print("works")
    return True
