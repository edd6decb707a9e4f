"""Subscriptions on their way into the store: read as those of files are, each judged alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from watcher.errors import ConfigError, RuleError
from watcher.settings import shaping, together, values
from watcher.settings.config import SUBSCRIPTIONS, Config
from watcher.settings.documents import Document
from watcher.settings.explaining import Problem
from watcher.settings.loading import RENAMED, located, validated, with_topics
from watcher.settings.paths import KeyPath, dotted, parsed
from watcher.settings.tables import SubscriptionFile, SubscriptionSettings

_KIND = "a file to import"


@dataclass(slots=True)
class Import:
    """What was read so far: the good subscriptions, by id, and what is wrong with others.

    One goes by its name, which may be `file/name`, as exported ones of files are called. One that
    is read from the `subscriptions.d` of `config` has the id that it has there.
    """

    config: Config
    subscriptions: dict[str, SubscriptionSettings] = field(default_factory=dict)
    broken: list[ConfigError] = field(default_factory=list)
    _places: dict[str, tuple[Document, int]] = field(default_factory=dict)

    def read(self, path: Path, reader: Callable[[Path], Document]) -> None:
        """`take` what `reader` makes of the path, if that is anything."""
        try:
            document = reader(path)
        except ConfigError as error:
            self.broken.append(error)
        else:
            self.take(document)

    def take(self, document: Document) -> None:
        """Read one more file; what is wrong with it, or with some of it, joins `broken`."""
        shaped, problems = self._shaped(document)
        file = validated(SubscriptionFile, shaped, problems)
        faulty = _faulty(problems)
        tables = shaped["subscriptions"]
        found, positions = file, list[int]()
        if isinstance(tables, list):
            positions = [at for at in range(len(tables)) if at not in faulty]
            if problems and None not in faulty:
                sound = {**shaped, "subscriptions": [tables[at] for at in positions]}
                found = validated(SubscriptionFile, sound, problems)
        if found is not None and None not in faulty:
            self._keep(found, positions, document, problems)
        errors = [located(problem, document) for problem in problems]
        self.broken += sorted(errors, key=lambda error: error.line or 0)

    def _shaped(self, document: Document) -> tuple[dict[str, object], list[Problem]]:
        path, main = document.path, self.config.path
        is_placed = (
            main is not None
            and path.suffix == ".toml"
            and path.parent.resolve() == (main.parent / SUBSCRIPTIONS).resolve()
        )
        prefix = f"{path.stem}/" if is_placed else ""
        main_name = main.name if main else "the configuration"
        shaped, problems = shaping.subscription_file(
            document.values, path.stem, main_name, prefix=prefix, kind=_KIND
        )
        shaping.rename(shaped, RENAMED)
        tables = shaped["subscriptions"]
        for at, table in enumerate(tables if isinstance(tables, list) else ()):
            if isinstance(table, dict) and not prefix:
                problems += _identified(table, ("subscriptions", at, "name"))
        return shaped, problems

    def _keep(
        self,
        file: SubscriptionFile,
        positions: list[int],
        document: Document,
        problems: list[Problem],
    ) -> None:
        sources = self.config.settings.sources
        wrong = [
            Problem(("subscriptions", positions[int(at)], *rest), problem.message)
            for problem in together.subscription_problems(file.subscriptions, sources)
            for _, at, *rest in (problem.path,)
        ]
        faulty = _faulty(wrong)
        problems += wrong
        for at, subscription in zip(
            positions, with_topics(file.subscriptions, file.topics), strict=True
        ):
            if at in faulty:
                continue
            if subscription.id in self.subscriptions:
                elsewhere, _ = self._places[subscription.id]
                problems.append(
                    Problem(
                        ("subscriptions", at, "name"),
                        f"{elsewhere.path} has a subscription {values.quoted(subscription.id)},"
                        " too; give one of them another name",
                    )
                )
                continue
            self.subscriptions[subscription.id] = subscription
            self._places[subscription.id] = document, at

    def leave_out(self, faults: Iterable[RuleError]) -> None:
        """Take those out again whose rules turned out to be no good."""
        for fault in faults:
            subscription_id = fault.subscription_id or ""
            document, at = self._places[subscription_id]
            del self.subscriptions[subscription_id]
            path = parsed(fault.key or "")
            line, written = document.place(("subscriptions", at, *path))
            if path[:1] == ("topics",):  # a file's own stand beside its subscriptions
                beside, its_path = document.place(path)
                line, written = (line, written) if beside is None else (beside, its_path)
            self.broken.append(
                RuleError(fault.message, path=document.path, line=line, key=dotted(written) or None)
            )


def _identified(table: dict[str, object], path: KeyPath) -> list[Problem]:
    """Part the id `file/name` where a name is one; what is wrong with it otherwise."""
    given = table.get("name")
    if not isinstance(given, str) or given.count("/") != 1:
        return []
    stem, _, name = given.partition("/")
    try:
        stem = values.name(stem)
    except ValueError as error:
        return [Problem(path, f"before its slash, {error}")]
    table["name"], table["id"] = name, f"{stem}/{name.strip()}"
    return []


def _faulty(problems: Iterable[Problem]) -> set[int | None]:
    """The positions of the subscriptions that these concern; None among them: the whole file."""
    return {
        problem.path[1]
        if len(problem.path) > 1
        and problem.path[0] == "subscriptions"
        and isinstance(problem.path[1], int)
        else None
        for problem in problems
    }
