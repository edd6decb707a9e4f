"""A configuration that was read: its settings, and where they came from."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from watcher.errors import ConfigError, RuleError
from watcher.settings.documents import line_in
from watcher.settings.paths import KeyPath, parsed
from watcher.settings.stamps import Stamp, stamp_of
from watcher.settings.tables import Settings, SubscriptionSettings

SUBSCRIPTIONS = "subscriptions.d"
NOBODY = "there is no subscription yet; `watcher add ADDRESS --any …` makes one"
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a subscription is written: in which file, under which key."""

    file: Path
    key: KeyPath = ()


@dataclass(frozen=True, slots=True)
class FromStore:
    """Which subscriptions come from the store.

    `ids` are those that count, `hidden` those that a file has, too, and wins. `version` is the
    store's name for what was read, `marks` are its names for the parts of that, where it was asked.
    """

    version: str | None = None
    ids: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    marks: Mapping[int, int] | None = None

    @staticmethod
    def fault(message: str, subscription_id: str, key: str = "") -> RuleError:
        """Something wrong with one of them."""
        place = f"{subscription_id} in the store"
        return RuleError(
            message, key=f"{place}, {key}" if key else place, subscription_id=subscription_id
        )


@dataclass(frozen=True, slots=True)
class Config:
    """The settings with the files they came from.

    `path` is None where there is no file. `broken` are the files of `subscriptions.d` that do not
    validate, one error for each, and what of the store cannot be used; their subscriptions are not
    in `settings`. `warnings` are sentences. `origins` is by subscription id, "" being the
    configuration itself. `seen` is what `stamps` told when the files were read.
    """

    settings: Settings
    path: Path | None
    state_dir: Path
    broken: tuple[ConfigError, ...] = ()
    warnings: tuple[str, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)
    seen: Mapping[Path, Stamp | None] = field(default_factory=dict, repr=False, compare=False)
    from_store: FromStore = field(default=FromStore(), repr=False, compare=False)

    @property
    def store_url(self) -> str:
        """The database's URL, a relative SQLite path resolved. It may hold a password."""
        return self.resolved(self.settings.store.url)

    def resolved(self, url: str) -> str:
        """A database's URL as it is to be opened: SQLite's path starts at the state directory."""
        if not url.startswith(_SQLITE):
            return url
        return f"{_SQLITE}{self.state_dir / url.removeprefix(_SQLITE)}"

    def with_subscriptions(self, chosen: tuple[SubscriptionSettings, ...]) -> Self:
        """These in the place of those it has."""
        settings = self.settings.model_copy(update={"subscriptions": chosen})
        return replace(self, settings=settings)

    def bare(self) -> Self:
        """Without subscriptions, for who gets those that count from the store, in shards."""
        warnings = tuple(each for each in self.warnings if each != NOBODY)
        return replace(self.with_subscriptions(()), broken=(), warnings=warnings)

    @property
    def broken_stems(self) -> set[str]:
        """The names, as ids begin with them, of the files that are left as they were last good."""
        return {problem.path.stem for problem in self.broken if problem.path}

    @property
    def broken_ids(self) -> set[str]:
        """The ids of those in the store that are left as they were last good."""
        found = {each.subscription_id for each in self.broken if isinstance(each, RuleError)}
        return {each for each in found if each and self.is_stored(each)}

    def zone(self, subscription: SubscriptionSettings | None = None) -> ZoneInfo:
        """The time zone of a subscription, or of the configuration."""
        return self.zone_of(subscription.timezone if subscription else "")

    def zone_of(self, name: str) -> ZoneInfo:
        """The time zone of that name; of the configuration where it is empty."""
        return ZoneInfo(name or self.settings.schedule.timezone or "UTC")

    def language(self, subscription: SubscriptionSettings) -> str:
        """The code of the language that a subscription's digests are in."""
        return subscription.language or self.settings.digest.language

    def files(self) -> tuple[Path, ...]:
        """All files that a change of settings can come from, those that are there now."""
        if self.path is None:
            return ()
        beside: list[Path] = []
        with contextlib.suppress(ConfigError):
            beside = subscription_files(self.path)
        return (self.path, *beside, *named_files(self.settings))

    def stamps(self) -> Mapping[Path, Stamp | None]:
        """What differs once any of its files is written to, replaced, added or gone."""
        return {path: stamp_of(path) for path in self.files()}

    def file_of(self, subscription_id: str) -> Path | None:
        """The file that a subscription is written in; None where it stands in the store."""
        origin = self.origins.get(subscription_id)
        if origin is None and self.is_stored(subscription_id):
            return None
        return origin.file if origin else self.path

    def is_stored(self, subscription_id: str) -> bool:
        """Whether it stands in the store, and no file has it."""
        return subscription_id in self.from_store.ids and subscription_id not in self.origins

    def locate(self, subscription_id: str, key: str) -> tuple[Path | None, int | None]:
        """File and line of a subscription's `key`, such as `rules[1].any[2]`, as it is now.

        Of the configuration's own key where the id is "". What is not written itself has the line
        of what it would stand in; no line where nothing is known, no file of what is in the store.
        """
        origin = self.origins.get(subscription_id)
        if origin is None:
            return self.file_of(subscription_id), None
        path = parsed(key)
        line = line_in(origin.file, (*origin.key, *path))
        if path[:1] == ("topics",):  # a file's own topics stand beside its subscriptions
            line = line_in(origin.file, path) or line
        return origin.file, line

    @contextlib.contextmanager
    def needing(self, name: str, what: str) -> Iterator[None]:
        """Import here what needs the extra of the table `name`; or it raises ConfigError.

        `what` is the need: "the pages need their libraries".
        """
        try:
            yield
        except ImportError as error:
            path, line = self.locate("", name)
            message = f"{what}: pip install 'paper-watcher[{name}]'"
            raise ConfigError(message, path=path, line=line, key=name) from error

    def fault(self, message: str, subscription_id: str, key: str) -> RuleError:
        """Something wrong with a subscription's `key`, at the place where that is written."""
        if self.is_stored(subscription_id):
            return self.from_store.fault(message, subscription_id, key)
        path, line = self.locate(subscription_id, key)
        return RuleError(message, path=path, line=line, key=key, subscription_id=subscription_id)


def named_files(settings: Settings) -> tuple[Path, ...]:
    """The files of secrets that a configuration names."""
    mail, dkim, web = settings.mail, settings.dkim, settings.web
    named = (
        *(settings.http.token_file, settings.smtp.password_file, mail.unsubscribe_secret_file),
        *(dkim.key_file, dkim.ed25519_key_file, web.secret_file, web.operator_password_file),
    )
    return tuple(path for path in named if path)


def subscription_files(config_path: Path) -> list[Path]:
    """The files of `subscriptions.d` in their order; none where there is no such directory.

    Hidden ones (editors' copies) do not count. Raises ConfigError.
    """
    directory = config_path.parent / SUBSCRIPTIONS
    return toml_files(directory, is_optional=True)


def toml_files(directory: Path, *, is_optional: bool = False) -> list[Path]:
    """The files of TOML in a directory, hidden ones apart, in their order. Raises ConfigError.

    `is_optional`: none where there is no such directory.
    """
    try:
        names = sorted(os.listdir(directory))  # noqa: PTH208  # sorts and joins thousands faster
    except OSError as error:
        if is_optional and isinstance(error, FileNotFoundError):
            return []
        raise ConfigError(f"cannot be read: {error.strerror}", path=directory) from error
    return [
        directory / name for name in names if name.endswith(".toml") and not name.startswith(".")
    ]


def require_mail(config: Config) -> None:
    """ConfigError where no way for mail is configured."""
    if config.settings.mail.transport == "smtp" and not config.settings.smtp.host:
        raise ConfigError(
            "there is no way to send mail: name a server in [smtp] host, "
            'or write [mail] transport = "maildir" to have mails put into a folder '
            "(`watcher init` asks for either)",
            path=config.path,
            key="smtp.host",
        )
