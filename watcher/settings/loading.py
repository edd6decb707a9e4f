"""From files and the environment to a checked configuration."""

from __future__ import annotations

import contextlib
import gc
import json
import zoneinfo
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from watcher import __version__
from watcher.errors import ConfigError, InvalidConfigError
from watcher.settings import shaping, together, values
from watcher.settings.config import (
    NOBODY,
    SUBSCRIPTIONS,
    Config,
    Origin,
    named_files,
    subscription_files,
)
from watcher.settings.documents import Document, read, read_beside
from watcher.settings.explaining import Problem, problems_of
from watcher.settings.layering import exposed, layered, missing_files
from watcher.settings.overlay import Overlay, overlay
from watcher.settings.paths import dotted
from watcher.settings.places import find_cache_dir, find_config, find_state_dir
from watcher.settings.remembering import Memory, place_for
from watcher.settings.stamps import Stamp, stamp_of
from watcher.settings.tables import (
    Settings,
    SourceSettings,
    SubscriptionFile,
    SubscriptionSettings,
    Table,
    TopicSettings,
)

RENAMED: Mapping[str, str] = {}
"""Keys that have another name now (`mail.sender`: `mail.from`); they go on for a minor release."""


_EDITED = {"subscriptions", "topics", "sources"}
"""What of an edited configuration can change what its rules find."""

_Table = TypeVar("_Table", bound=Table)


def load(
    config: Path | None,
    *,
    state_dir: Path | None = None,
    environ: Mapping[str, str],
    renamed: Mapping[str, str] = RENAMED,
) -> Config:
    """Read the configuration that `config` names, else the user's, else the system's.

    Raises ConfigError for whatever is wrong with the file itself, all of it at once. A file of
    `subscriptions.d` that is wrong is told in `broken` and stops nobody else.
    """
    path = find_config(config, environ)
    state = find_state_dir(state_dir, environ, path)
    seen = {path: stamp_of(path)}  # before it is read
    document = read(path)
    over = overlay(environ, renamed)
    warnings = list(over.warnings)
    errors = list(over.problems)

    shaped, problems = shaping.main_file(document.values)
    warnings += _renamed(shaped, renamed, document)
    problems += layered(shaped, over, path.parent, state)
    problems += exposed(document)
    settings = validated(Settings, shaped, problems)
    if settings is not None and not problems:
        timezone = machine_zone(environ, warnings)
        settings = together.completed(settings, timezone)
        problems += together.problems_in(settings)
        problems += missing_files(settings)
    errors += [located(problem, document, over) for problem in problems]
    if errors or settings is None:
        raise one_of(errors)
    warnings += together.oddities_in(settings)
    origins = {"": Origin(path)}
    for at, each in enumerate(settings.subscriptions):
        origins[each.id] = Origin(path, ("subscriptions", at))
    seen |= {named: stamp_of(named) for named in named_files(settings)}

    beside = _Beside(path, origins, seen, warnings)
    with uncollected():
        beside.read_all(settings.sources, renamed, find_cache_dir(environ, path))
    subscriptions = (*settings.subscriptions, *beside.subscriptions)
    if not subscriptions and not beside.broken:
        warnings.append(NOBODY)
    return Config(
        settings=settings.model_copy(update={"subscriptions": subscriptions}),
        path=path,
        state_dir=state,
        broken=tuple(beside.broken),
        warnings=tuple(warnings),
        origins=origins,
        seen=seen,
    )


def log_format(config: Path | None, environ: Mapping[str, str]) -> str:
    """`format` of `[log]` where something else is wrong: json if it says so, else auto."""
    given: object = environ.get("WATCHER_LOG__FORMAT")
    if not given:
        with contextlib.suppress(ConfigError):
            table = read(find_config(config, environ)).values.get("log")
            given = table.get("format") if isinstance(table, dict) else None
    return "json" if str(given).lower() == "json" else "auto"


@dataclass(slots=True)
class _Beside:
    """What is found in `subscriptions.d` beside the configuration at `main`."""

    main: Path
    origins: dict[str, Origin]
    seen: dict[Path, Stamp | None]
    warnings: list[str]
    subscriptions: list[SubscriptionSettings] = field(default_factory=list)
    broken: list[ConfigError] = field(default_factory=list)

    def read_all(
        self,
        sources: Sequence[SourceSettings],
        renamed: Mapping[str, str],
        cache_dir: Path | None,
    ) -> None:
        """Every file, or what is remembered of it. Raises ConfigError: there is no directory."""
        files = subscription_files(self.main)
        basis = json.dumps([__version__, [each.name for each in sources], sorted(renamed.items())])
        memory = Memory(place_for(self.main, cache_dir), basis, file_count=len(files))
        for file in files:
            self.seen[file] = stamp = stamp_of(file)
            if not file.stem.isprintable():  # nor could it be stored
                self.warnings.append(f"{file.parent} holds a file of no use: rename {file.name!a}")
                continue
            found = memory.recall(file.name, stamp)
            if found is None:
                told = len(self.warnings)
                try:
                    found = _subscription_file(
                        file, self.main.name, sources, renamed, self.warnings
                    )
                except ConfigError as error:
                    self.broken.append(error)
                    continue
                if len(self.warnings) == told:  # or nobody would be warned again
                    memory.keep(file.name, stamp, found)
            for at, each in enumerate(found):
                self.origins[each.id] = Origin(file, ("subscriptions", at))
            self.subscriptions += found
        memory.save()


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: where all is kept, it takes longer than the reading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def load_edited(path: Path, config: Config) -> Config:
    """`config` with the subscriptions and topics of an edited copy of one of its files alone.

    A copy of the configuration itself is told from one of a file of `subscriptions.d` by what it
    holds, else by its place and name; its other tables are passed over. Raises ConfigError.
    """
    document = read(path)
    is_main = _is_main_file(document, config)
    if is_main:
        given = {key: document.values[key] for key in document.values if key in _EDITED}
        shaped, problems = shaping.main_file(given)
    else:
        main_name = config.path.name if config.path else "the configuration"
        shaped, problems = shaping.subscription_file(document.values, path.stem, main_name)
    _renamed(shaped, RENAMED, document)
    settings = validated(Settings, shaped, problems)
    if settings is not None:
        sources = settings.sources if "sources" in shaped else config.settings.sources
        problems += together.subscription_problems(settings.subscriptions, sources)
    if problems or settings is None:
        raise one_of([located(problem, document) for problem in problems])
    subscriptions, topics = settings.subscriptions, settings.topics
    if not is_main:
        subscriptions, topics = with_topics(subscriptions, topics), config.settings.topics
    origins = {
        each.id: Origin(path, ("subscriptions", at)) for at, each in enumerate(subscriptions)
    }
    origins[""] = Origin(path) if is_main else config.origins.get("", Origin(path))
    chosen = {"subscriptions": subscriptions, "topics": topics}
    return replace(
        config, settings=config.settings.model_copy(update=chosen), broken=(), origins=origins
    )


def _is_main_file(document: Document, config: Config) -> bool:
    if shaping.is_main_file(document.values):
        return True
    files = config.broken_stems
    files |= {each.file.stem for known, each in config.origins.items() if "/" in known}
    is_placed = document.path.parent.name == SUBSCRIPTIONS or document.path.stem in files
    return "subscriptions" in document.values and not is_placed


def _ask() -> str:
    import tzlocal  # noqa: PLC0415  # only where it is asked

    return tzlocal.get_localzone_name()


def machine_zone(
    environ: Mapping[str, str], warnings: list[str], ask: Callable[[], str | None] = _ask
) -> str:
    """The name of this machine's time zone; UTC, with a warning, where it cannot be told.

    `ask` looks where machines note it, once `$TZ` does not tell.
    """
    given = environ.get("TZ", "").removeprefix(":")
    if given and values.is_zone(given):
        return given
    try:
        name = ask()
    except (zoneinfo.ZoneInfoNotFoundError, OSError, ValueError):
        name = None
    if name and values.is_zone(name):
        return name
    warnings.append("the machine's time zone cannot be told; UTC is used ([schedule] timezone)")
    return "UTC"


def _subscription_file(
    path: Path,
    main_name: str,
    sources: Iterable[SourceSettings],
    renamed: Mapping[str, str],
    warnings: list[str],
) -> tuple[SubscriptionSettings, ...]:
    document = read_beside(path)
    shaped, problems = shaping.subscription_file(document.values, path.stem, main_name)
    warnings += _renamed(shaped, renamed, document)
    file = validated(SubscriptionFile, shaped, problems)
    if file is not None:
        problems += together.subscription_problems(file.subscriptions, sources)
    if problems or file is None:
        raise one_of([located(problem, document) for problem in problems])
    return with_topics(file.subscriptions, file.topics)


def with_topics(
    subscriptions: Iterable[SubscriptionSettings], topics: Mapping[str, TopicSettings]
) -> tuple[SubscriptionSettings, ...]:
    """The subscriptions of a file with the topics that stand beside them."""
    return tuple(
        each.model_copy(update={"topics": {**topics, **each.topics}}) for each in subscriptions
    )


def _renamed(
    shaped: dict[str, object], renamed: Mapping[str, str], document: Document
) -> list[str]:
    warnings = []
    for path, new in shaping.rename(shaped, renamed):
        line, written = document.place(path)
        warnings.append(
            f"{document.path}, line {line}, {dotted(written)}: is now called "
            f"{new.rpartition('.')[2]}; the old name will go"
        )
    return warnings


def validated(
    table: type[_Table], shaped: dict[str, object], problems: list[Problem]
) -> _Table | None:
    """The table, or None where something of it is wrong, which joins `problems`."""
    try:
        return table.model_validate(shaped)
    except ValidationError as error:
        problems += problems_of(error, table)
    return None


def located(problem: Problem, document: Document, over: Overlay | None = None) -> ConfigError:
    """The problem at the place where its value was given."""
    table, key, *_ = (*map(str, problem.path), "", "")
    place = over.places.get((table, key)) if over else None
    if place is not None:
        return ConfigError(problem.message, path=place.path, key=place.name)
    line, written = document.place(problem.path)
    return ConfigError(problem.message, path=document.path, key=dotted(written) or None, line=line)


def one_of(errors: Sequence[ConfigError]) -> ConfigError:
    """One error that tells them all, in the order of their lines."""
    ordered = sorted(errors, key=lambda error: error.line or 0)
    return ordered[0] if len(ordered) == 1 else InvalidConfigError(ordered)
