"""Several rules on the page of a subscription: added, removed, snoozed, without JavaScript."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.fakesite import make_paper
from tests.web_face.browsing import Browser, Page, pages_of, subscribe
from tests.web_face.test_managing import a_day_later
from tests.world import World
from watcher.settings import RuleSettings, SubscriptionSettings, definition_of
from watcher.store import stored
from watcher.store.database import Database

EVE = "eve@example.org"


@pytest.fixture
def world(filled: World) -> World:
    return filled


def rules_stored(browser: Browser, mine: Page) -> list[dict[str, object]]:
    """The rules of a subscription, as its owner takes them along."""
    rules: list[dict[str, object]] = browser.client.get(
        f"{mine.url.partition('?')[0].partition('#')[0]}/papers.json"
    ).json()["rules"]
    return rules


def change(world: World, **changes: object) -> None:
    """Change the first rule of the one that is stored, past the pages."""
    database = Database(world.config().store_url, writable=False)
    with database.read() as connection:
        [definition] = stored.definitions(connection).values()
    database.close()
    found = SubscriptionSettings.model_validate_json(definition)
    rule = found.rules[0].model_dump(exclude_unset=True) | changes
    put_rules(world, RuleSettings.model_validate(rule), *found.rules[1:])


def put_rules(world: World, *rules: RuleSettings) -> None:
    """Give the one that is stored these, past the pages."""
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        [definition] = stored.definitions(connection).values()
        found = SubscriptionSettings.model_validate_json(definition)
        changed = found.model_copy(update={"rules": rules})
        stored.put(connection, {found.id: definition_of(changed)}, world.now)
    database.close()


def field(page: Page, name: str) -> str:
    found = page.tree.css_first(f"[name={name}]")
    assert found is not None, name
    return found.attributes.get("value") or found.text()


async def test_rules_are_added_and_removed_and_what_was_typed_stays(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert "Remove this rule" not in mine.words, "of one alone"
        typed = {"rule-0-name": "My zorblaxes", "rule-0-none": "survey", "days": "weekdays"}
        two = browser.press(mine, "Add a rule", **typed)
        assert (two.status, "Not yet" in two.words) == (200, False)
        assert field(two, "rule-0-name") == "My zorblaxes"
        assert field(two, "rule-0-none") == "survey"
        assert len(rules_stored(browser, mine)) == 1, "nothing is saved yet"
        empty = browser.press(two, "Save")
        assert empty.status == 422
        wrong = empty.tree.css_first("#rule-1-words-trouble")
        assert wrong is not None
        assert "choose a topic, or write a keyword" in wrong.text()
        typed_too: dict[str, str | list[str]] = {"rule-1-topics": ["no-such-topic"]}
        unknown = browser.press(empty, "Save", **typed_too, **{"rule-1-words": "frumious"})
        wrong = unknown.tree.css_first("#rule-1-topics-trouble")
        assert wrong is not None
        assert "there is no topic" in wrong.text()
        saved = browser.press(unknown, "Save", **{"rule-1-topics": []})
        assert "Your changes are saved" in saved.words
        first = {"name": "My zorblaxes", "any": ["zorblax"], "none": ["survey"]}
        assert rules_stored(browser, mine) == [first, {"any": ["frumious"]}]
        world.add(make_paper(5, world.now, title="Frumious"))
        assert EVE in await a_day_later(world, 2)
        [*_, digest] = world.digests(EVE)
        assert {"2602.00002", "2602.00005"} <= set(digest.paper_ids)
        assert "My zorblaxes" in digest.text

        off = browser.press(browser.get(mine.url), "Remove this rule")  # the first of them
        assert field(off, "rule-0-words") == "frumious"
        assert len(rules_stored(browser, mine)) == 2
        browser.press(off, "Save")
        assert rules_stored(browser, mine) == [{"any": ["frumious"]}]


def test_there_are_ten_rules_at_most(world: World) -> None:
    with pages_of(world) as browser:
        page = subscribe(world, browser, EVE)
        for number in range(1, 10):
            page = browser.press(page, "Add a rule", **{f"rule-{number - 1}-words": f"w{number}"})
        assert "Add a rule" not in page.words
        more = {f"rule-{number}-was": "" for number in range(10, 15)}
        words = {f"rule-{number}-words": f"w{number}" for number in range(9, 15)}
        browser.press(page, "Save", **more, **words)
        assert len(rules_stored(browser, page)) == 10


def test_of_more_rules_than_the_form_adds_none_is_lost(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        many = tuple(RuleSettings(any=(f"word{number}",)) for number in range(12))
        put_rules(world, *many)
        page = browser.get(mine.url)
        assert "word11" in page.words
        browser.press(page, "Save", **{"rule-11-words": "frumious"})
        assert [rule["any"] for rule in rules_stored(browser, mine)] == [
            *([f"word{number}"] for number in range(11)),
            ["frumious"],
        ]


def test_who_gets_every_paper_can_snooze_that(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        put_rules(world)
        asleep = browser.press(browser.get(mine.url), "Snooze for 30 days")
        assert "The rule is snoozed until" in asleep.words
        [rule] = rules_stored(browser, mine)
        assert set(rule) == {"snoozed_until"}


def test_a_rule_is_snoozed_from_the_page_and_woken_up(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert "A paper is mailed if it mentions zorblax." in mine.words
        asleep = browser.press(mine, "Snooze for 30 days", **{"rule-0-none": "survey"})
        day = (world.now + dt.timedelta(days=30)).date()
        assert f"is snoozed until {day:%d %B %Y}" in asleep.words
        assert f"(snoozed until {day:%d %B %Y}, and shown as if it were awake)" in asleep.words
        assert field(asleep, "rule-0-none") == "survey", "what was typed is not lost"
        assert rules_stored(browser, mine) == [
            {"any": ["zorblax"], "snoozed_until": day.isoformat()}
        ]
        assert (
            f"snoozed_until = {day}"
            in browser.get(f"{mine.url.partition('?')[0]}/papers.toml").text
        )
        browser.press(mine, "Save", **{"rule-0-none": "survey"})  # it was loaded before that
        [rule] = rules_stored(browser, mine)
        assert (rule["none"], rule["snoozed_until"]) == (["survey"], day.isoformat())
        awake = browser.press(browser.get(mine.url), "Wake it up now")
        assert "The rule is awake" in awake.words
        assert "Snooze for 30 days" in awake.words
        assert rules_stored(browser, mine) == [{"any": ["zorblax"], "none": ["survey"]}]
        browser.press(awake, "Snooze for 30 days")
        world.later(days=30)
        later = browser.get(mine.url)
        assert "Snooze for 30 days" in later.words, "it has woken up by itself"


async def test_a_snoozed_rule_of_a_page_mails_nothing(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        assert EVE in await a_day_later(world, 2)
        browser.press(browser.get(mine.url), "Snooze for 30 days")
        assert EVE not in await a_day_later(world, 3)
        browser.press(browser.get(mine.url), "Wake it up now")
        assert EVE in await a_day_later(world, 4)
        [*_, digest] = world.digests(EVE)
        assert "2602.00003" not in digest.paper_ids
        assert "2602.00004" in digest.paper_ids


def test_what_the_form_does_not_show_stays(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        change(world, min_upvotes=3, fields=["title"], all=["weights"])
        page = browser.get(mine.url)
        assert (
            "as this form cannot change it: mentions weights AND has at least 3 votes" in page.words
        )
        assert "looks only at title" in page.words
        browser.press(page, "Save", **{"rule-0-words": "zorblax\nfrumious"})
        kept = {"min_upvotes": 3, "fields": ["title"], "all": ["weights"]}
        assert rules_stored(browser, mine) == [{"any": ["zorblax", "frumious"], **kept}]
        browser.press(browser.get(mine.url), "Save", **{"rule-0-words": ""})
        [rule] = rules_stored(browser, mine)
        assert rule["any"] == [], "what else it asks for is enough"


def test_a_rule_that_no_form_can_show_stays_until_it_is_removed(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        change(world, any=[f"word{number}" for number in range(50)])
        page = browser.get(mine.url)
        assert "This form cannot change that rule; it stays as it is" in page.words
        more = browser.press(page, "Add a rule")
        browser.press(more, "Save", **{"rule-1-words": "frumious"})
        first, second = rules_stored(browser, mine)
        assert (len(str(first)) > 400, second) == (True, {"any": ["frumious"]})
        off = browser.press(browser.get(mine.url), "Remove this rule")
        browser.press(off, "Save")
        assert rules_stored(browser, mine) == [{"any": ["frumious"]}]


def test_a_form_of_rules_that_were_changed_meanwhile_does_nothing(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        change(world, any=["frumious"])
        for button in ("Save", "Snooze for 30 days", "See what would come"):
            stale = browser.press(mine, button, **{"rule-0-words": "mome"})
            assert (stale.status, stale.heading) == (409, "It was changed meanwhile")
        assert rules_stored(browser, mine) == [{"any": ["frumious"]}]
        odd = browser.press(browser.get(mine.url), "Save", act="snooze-7")
        assert odd.heading == "Your subscription"
        none = browser.post(
            mine.url, {"form": field(odd, "form"), "act": "save", "timezone": "UTC"}
        )
        assert (none.status, "without a rule nothing comes" in none.words) == (422, True)


async def test_who_gets_every_paper_can_narrow_that(world: World) -> None:
    with pages_of(world) as browser:
        mine = subscribe(world, browser, EVE)
        put_rules(world)
        page = browser.get(mine.url)
        assert (
            "A paper is mailed if it is any paper. This form cannot change that rule" in page.words
        )
        more = browser.press(page, "Add a rule", days="daily")
        off = browser.press(more, "Remove this rule")
        browser.press(off, "Save", **{"rule-0-words": "frumious"})
        assert rules_stored(browser, mine) == [{"any": ["frumious"]}]
