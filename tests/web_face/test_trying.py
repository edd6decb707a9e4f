"""Previews of rules, however many words they have and however often they are looked at."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

from tests.fakesite import make_paper
from tests.world import DAILY, WEIGHTS, World
from watcher.settings import RuleSettings, SubscriptionSettings
from watcher.store.database import Database
from watcher.web.trying import MOST_COMPARED, Past

PAPERS = 600


def subscription(*rules: RuleSettings) -> SubscriptionSettings:
    return SubscriptionSettings(id="web-1/papers", to=("eve@example.org",), rules=rules)


async def test_a_preview_takes_no_longer_the_more_words_it_has(tmp_path: Path) -> None:
    # Papers enough that it shows take some seconds to be stored.
    with World(tmp_path) as world:
        world.configure(DAILY, WEIGHTS)
        config = world.config()
        text = " ".join(f"word{number} {chr(97 + number)}{'x' * 5}" for number in range(26))
        for number in range(PAPERS):
            world.add(make_paper(number + 1, world.now, title="Zorblax", abstract=text))
        await world.run_pass()
        database = Database(world.config().store_url, writable=False)
        past = Past(lambda: config, lambda: database, lambda: world.now)
        past.choices()
        few = past.preview(subscription(RuleSettings(any=("zorblax",))))
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
        begun = time.process_time()
        preview = past.preview(many)
        first = time.process_time() - begun
        assert not preview.is_whole
        assert preview.read_count == preview.count == MOST_COMPARED // (10 * (2 + 26 + 40))
        assert "a day" in preview.headline
        begun = time.process_time()
        assert past.preview(many) == preview
        assert time.process_time() - begun < first / 5, "who looks again costs nothing"
        world.now += dt.timedelta(minutes=4)
        assert past.preview(many) == preview, "read anew"
        database.close()
