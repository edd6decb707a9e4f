"""The short forms a configuration may take, written out; what stays wrong is left to validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from watcher.settings import schema
from watcher.settings.explaining import Problem
from watcher.settings.paths import KeyPath
from watcher.settings.tables import RuleSettings, Settings, SubscriptionSettings
from watcher.settings.values import quoted

Values = Mapping[str, object]

_RULE_KEYS = schema.keys(RuleSettings).keys() - {"name"}
_SUBSCRIPTION_KEYS = schema.keys(SubscriptionSettings).keys() | _RULE_KEYS
_NAMELESS = {"rules", "topics"}
_MAIN_KEYS = schema.keys(Settings).keys() - {"subscriptions", "topics"}


def rename(values: dict[str, object], renamed: Mapping[str, str]) -> list[tuple[KeyPath, str]]:
    """Give renamed keys their new names, and tell which were met.

    `values` are shaped; `renamed` maps dotted keys (`mail.sender`, `subscriptions.max`) to dotted
    keys of the same table. A key that stands there under its new name too goes before.
    """
    met: list[tuple[KeyPath, str]] = []
    for old, new in renamed.items():
        table, _, key = old.rpartition(".")
        holder = values.get(table)
        tables = holder if isinstance(holder, list) else [holder]
        for at, each in enumerate(tables):
            if isinstance(each, dict) and key in each:
                value = each.pop(key)
                each.setdefault(new.rpartition(".")[2], value)
                met.append(((table, at, key) if holder is tables else (table, key), new))
    return met


def main_file(values: Values) -> tuple[dict[str, object], list[Problem]]:
    """The values of the configuration itself."""
    shaped = {key: _copied(value) for key, value in values.items()}
    problems = [problem for key in ("sources", "subscriptions") for problem in _named(shaped, key)]
    if "sources" in shaped:
        shaped["sources"] = as_tables(shaped["sources"])
    if "subscriptions" in shaped:
        shaped["subscriptions"] = _subscriptions(shaped["subscriptions"], "papers", "", problems)
    return shaped, problems


def _copied(value: object) -> object:
    """A copy as deep as anything is changed; copying all of it could end at Python's own depth."""
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, list):
        return [dict(each) if isinstance(each, dict) else each for each in value]
    return value


def subscription_file(
    values: Values,
    stem: str,
    main_name: str,
    *,
    prefix: str | None = None,
    kind: str = "a file of subscriptions.d",
) -> tuple[dict[str, object], list[Problem]]:
    """The values of a file of `subscriptions.d`: subscriptions and topics, or one subscription.

    `prefix` is what ids begin with before the name; None: as there, `stem` and a slash.
    """
    problems: list[Problem] = []
    prefix = f"{stem}/" if prefix is None else prefix
    rest = {key: value for key, value in values.items() if key != "subscriptions"}
    topics = rest.pop("topics") if isinstance(rest.get("topics"), dict) else {}
    for key in [key for key, value in rest.items() if _is_main(key, value)]:
        del rest[key]
        problems.append(
            Problem(
                (key,),
                f"{kind} holds subscriptions and topics only; this belongs in {main_name}",
            )
        )
    if "subscriptions" not in values:
        if not rest and not problems:
            problems.append(Problem((), "holds no subscription; one needs `to` at least"))
        single = _subscriptions([rest] if rest else [], stem, prefix, problems)
        return {"subscriptions": single, "topics": topics}, problems
    for key in rest:
        belongs = "move it below that header" if key in _SUBSCRIPTION_KEYS else "unknown key"
        problems.append(Problem((key,), f"stands outside [[subscriptions]]; {belongs}"))
    found = _subscriptions(values["subscriptions"], stem, prefix, problems)
    return {"subscriptions": found, "topics": topics}, problems


def is_main_file(values: Values) -> bool:
    """Whether it holds a table that only the configuration itself may hold."""
    return any(_is_main(key, value) for key, value in values.items())


def _is_main(key: str, value: object) -> bool:
    """Whether it is the configuration's alone; `sources` and `digest` are subscriptions', too."""
    return key in _MAIN_KEYS and (key not in _SUBSCRIPTION_KEYS or _holds_tables(value))


def _named(shaped: dict[str, object], key: str) -> list[Problem]:
    """Headers such as [subscriptions.ada], taken out: what is several is not told apart so."""
    value = shaped.get(key)
    if not isinstance(value, dict) or not value.keys().isdisjoint(_NAMELESS):
        return []
    if not all(isinstance(each, dict) for each in value.values()):
        return []
    del shaped[key]
    return [
        Problem(
            (key, name), f"write [[{key}]] on a line of its own, and name = {quoted(name)} below it"
        )
        for name in value
    ]


def as_tables(value: object) -> object:
    """An array of tables; a single table is one of one."""
    return [value] if isinstance(value, dict) else value


def _holds_tables(value: object) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(each, dict) for each in value)
    )


def _subscriptions(
    value: object, default_name: str, prefix: str, problems: list[Problem]
) -> object:
    tables = as_tables(value)
    if not isinstance(tables, list):
        return value
    return [
        _subscription(each, at, default_name, prefix, problems) if isinstance(each, dict) else each
        for at, each in enumerate(tables)
    ]


def _subscription(
    given: Values, at: int, default_name: str, prefix: str, problems: list[Problem]
) -> dict[str, object]:
    shaped = dict(given)
    path: KeyPath = ("subscriptions", at)
    if shaped.pop("id", None) is not None:
        problems.append(Problem((*path, "id"), "unknown key; a subscription goes by its `name`"))
    direct = {key: shaped.pop(key) for key in _of_rule(shaped)}
    if direct and "rules" in shaped:
        key = next(iter(direct))
        problems.append(
            Problem(
                (*path, key),
                f"stands beside [[…rules]]; move `{key}` into one of the rules, or into one more",
            )
        )
    elif direct:
        shaped["rules"] = [direct]
    elif "rules" in shaped:
        shaped["rules"] = as_tables(shaped["rules"])
    name = shaped.setdefault("name", default_name)
    # A name that is no text is reported as such; the id only has to be there.
    shaped["id"] = f"{prefix}{name.strip()}" if isinstance(name, str) else ""
    return shaped


def _of_rule(subscription: Values) -> Iterable[str]:
    """The keys that are a rule's; `topics` is the subscription's own where it defines some."""
    return [
        key
        for key, value in subscription.items()
        if key in _RULE_KEYS and not (key == "topics" and isinstance(value, dict))
    ]
