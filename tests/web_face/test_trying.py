"""Previews of rules, however many words they have and however often they are looked at."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.world import DAILY, WEIGHTS, World
from watcher import app
from watcher.models import Paper
from watcher.settings import RuleSettings, SubscriptionSettings
from watcher.store import papers
from watcher.store.database import Database
from watcher.web.trying import MOST_COMPARED, Past

PAPERS = 300


def subscription(*rules: RuleSettings) -> SubscriptionSettings:
    return SubscriptionSettings(id="web-1/papers", to=("eve@example.org",), rules=rules)


def test_a_preview_takes_no_longer_the_more_words_it_has(tmp_path: Path) -> None:
    with World(tmp_path) as world:
        world.configure(DAILY, WEIGHTS)
        config = world.config()
        text = " ".join(f"word{number} {chr(97 + number)}{'x' * 5}" for number in range(26))
        found = [
            Paper(id=f"2602.{number:05}", title="Zorblax", abstract=text)
            for number in range(1, PAPERS + 1)
        ]
        with app.writing(config, "test", world.now) as writer, writer.write() as connection:
            papers.merge(connection, found, world.now)
        database = Database(world.config().store_url, writable=False)
        past = Past(lambda: config, lambda: database, lambda: world.now)
        past.choices()
        one = subscription(RuleSettings(any=("zorblax",)))
        few = past.preview(one)
        assert (few.count, few.is_whole) == (PAPERS, True)
        assert few.read_count >= PAPERS
        many = subscription(
            *(
                RuleSettings(
                    name=f"Rule {number}",
                    any=tuple(f"{chr(97 + each % 26)}x*" for each in range(26)),
                    none=tuple(f"frumious{number}x{each}" for each in range(40)),
                )
                for number in range(10)
            )
        )
        preview = past.preview(many)
        assert not preview.is_whole
        assert preview.read_count == preview.count == MOST_COMPARED // (10 * (2 + 26 + 40))
        assert "a day" in preview.headline
        assert past.preview(many) is preview, "who looks again costs nothing"
        world.now += dt.timedelta(minutes=4)
        again = past.preview(one)
        assert again == few
        assert again is not few, "read anew"
        database.close()
