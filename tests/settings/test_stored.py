"""What is exported is imported as it was; what is kept of a subscription comes back the same."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.settings.making import loaded
from tests.settings.test_remembering import SUBSCRIPTION, TEXT, TEXTS, document
from watcher.settings import Config, Settings, SubscriptionSettings, definition_of, with_stored
from watcher.settings.documents import read_content
from watcher.settings.exporting import as_toml
from watcher.settings.importing import Import

PLACE = Path("stdin")
CONFIG = Config(Settings(), None, Path())
NAME = st.sampled_from(["ada", "ada/papers", "A d/ä", '"q"', "x"])
FILE = st.fixed_dictionaries(
    {
        "subscriptions": st.lists(
            st.builds(lambda table, name: table | {"name": name}, SUBSCRIPTION, NAME),
            min_size=1,
            max_size=3,
            unique_by=lambda table: table["name"],
        )
    },
    optional={"topics": st.dictionaries(TEXT, st.one_of(TEXTS, st.just({"any": "x"})))},
)


def imported(parts: Iterable[str]) -> Import:
    found = Import(CONFIG)
    found.read(PLACE, lambda path: read_content(path, "".join(parts).encode()))
    return found


def definitions(found: dict[str, SubscriptionSettings]) -> dict[str, str]:
    return {each: definition_of(subscription) for each, subscription in found.items()}


@settings(max_examples=30)
@given(FILE.map(document))
def test_any_export_is_imported_as_it_was(text: str) -> None:
    found = imported([text]).subscriptions  # not all that is made up is good
    assume(found)
    exported = imported(as_toml(found.values()))
    again = exported.subscriptions
    assert exported.broken == []
    assert list(again.items()) == list(found.items())
    assert definitions(again) == definitions(found)
    kept = with_stored(CONFIG, definitions(found), "1")
    assert kept.settings.subscriptions == tuple(found.values())
    assert definitions({s.id: s for s in kept.settings.subscriptions}) == definitions(found)


def test_defaults_are_those_of_the_day(tmp_path: Path) -> None:
    config = loaded(tmp_path, '[[subscriptions]]\nto = "ada@example.org"\nmax_papers = 30\n')
    [subscription] = config.settings.subscriptions
    assert definition_of(subscription) == (
        '{"id":"papers","name":"papers","to":["ada@example.org"],"max_papers":30}'
    )
