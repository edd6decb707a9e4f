"""Rules tried on what is stored, and on the site's pages of past days."""

from __future__ import annotations

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from tests.cli.looking import Asker, Said
from tests.cli.terminal import Terminal
from tests.fakesite import make_paper
from tests.fakesite.faults import challenge, no_marks, rate_limited, server_error
from tests.fakesite.papers import Votes
from tests.world import DAILY, THURSDAY, TRENDING, WEIGHTS, World
from watcher.store import feedback
from watcher.store.database import Database

PLAIN = [f"Plain matter of number {number}" for number in range(5)]
OWN = """
[[subscriptions]]
name = "{name}"
to = "eve@example.org"
any = ["{word}"]
"""


def check(world: World) -> None:
    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())


def put(world: World, *titles: str, first: int = 1, votes: Votes = lambda _: 0) -> None:
    """Put papers on today's page, and have them stored."""
    for number, title in enumerate(titles, first):
        world.add(make_paper(number, world.now, title=title, abstract="", votes=votes))
    check(world)


def fill(world: World) -> World:
    """Two days of papers, eight with the one that is always there; two are about zorblaxes."""
    world.configure(DAILY, WEIGHTS)
    put(world, *PLAIN, "Zorblaxes at home")
    world.later(days=1)
    put(world, "A survey of zorblaxes", first=101)
    return world


@pytest.fixture
def stored(world: World) -> World:
    return fill(world)


@pytest.fixture
def stored_anywhere(stored_world: World) -> World:
    return fill(stored_world)


def of(said: Said, subscription: str = "weights") -> dict[str, Any]:
    assert said.code == 0, said.err
    [found] = [one for one in said.json["subscriptions"] if one["id"] == subscription]
    assert isinstance(found, dict)
    return found


def titles(papers: object) -> list[str]:
    assert isinstance(papers, list)
    return [paper["title"] for paper in papers]


def test_what_the_present_rules_would_have_found(stored_anywhere: World) -> None:
    said = Asker(stored_anywhere)("backtest")
    assert said.code == 0
    assert said.out == (
        "8 papers first seen in 2 days, 2026-02-19 to 2026-02-20: 4.0 a day\n"
        "\n"
        "weights: 2 papers, 1.0 a day, 25% of all\n"
        '  rule "zorblax" mentions zorblax\n'
        "    ██\n"
        "    words: zorblax 2\n"
        "    2026-02-20 2602.00101 A survey of zorblaxes\n"
        "    2026-02-19 2602.00006 Zorblaxes at home\n"
        "\n"
        "Each paper is judged by its facts and votes of today, and as old as it was when first"
        " seen.\n"
    )
    assert said.err == ""


def test_for_machines(stored: World) -> None:
    said = Asker(stored)("backtest", "--json")
    found = of(said)
    whole = said.json
    assert (whole["days"], whole["first_on"], whole["last_on"]) == (30, "2026-02-19", "2026-02-20")
    assert (whole["papers"], whole["stored"], whole["fetched"]) == (8, 8, None)
    assert whole["per_day"] == [
        {"day": "2026-02-19", "papers": 7},
        {"day": "2026-02-20", "papers": 1},
    ]
    assert (found["papers"], found["papers_a_day"], found["share"]) == (2, 1.0, 0.25)
    assert found["edit"] is None
    [rule] = found["rules"]
    assert rule["per_day"][1] == {"day": "2026-02-20", "papers": 1}
    assert rule["words"] == [{"key": "any", "word": "zorblax", "papers": 2, "alone": 2}]
    assert rule["warnings"] == []
    assert rule["examples"][0] == {
        "id": "2602.00101",
        "title": "A survey of zorblaxes",
        "seen_on": "2026-02-20",
    }


def test_votes_a_day_are_those_of_the_days_on_which_a_paper_was_seen(world: World) -> None:
    world.configure(DAILY, WEIGHTS + "min_upvotes_per_day = 10\n")
    begun = world.now
    put(
        world,
        "Zorblaxes at home",
        votes=lambda at: 15 * round((at - begun).total_seconds() / 86400),
    )
    put(world, "Zorblaxes abroad", first=2, votes=lambda _: 9)
    world.later(days=1)
    check(world)
    found = of(Asker(world)("backtest", "--json"))
    assert titles(found["rules"][0]["examples"]) == ["Zorblaxes at home"]


def test_only_the_days_asked_for_count(stored: World) -> None:
    ask = Asker(stored)
    assert ask("backtest", "--days", "1", "--json").json["papers"] == 1
    assert ask("backtest", "--days", "2", "--json").json["papers"] == 8
    assert ask("backtest", "--days", "0").code == 2
    stored.later(days=60)
    said = ask("backtest")
    assert said.code == 0
    assert said.out == (
        "No paper was first seen in 30 days; a larger --days looks further back, --fetch reads the"
        " site's pages.\n"
    )


def test_a_rule_by_itself(stored: World) -> None:
    rule = 'any = ["matter"], none = ["number 3"]'
    said = Asker(stored)("backtest", "--rule", rule, "--json")
    found = of(said, "--rule")
    assert (found["papers"], found["edit"]) == (4, None)


def test_rules_in_place_of_a_subscription_s_are_an_edit_of_it(stored: World) -> None:
    ask = Asker(stored)
    rule = 'any = ["zorblax", "number 3"]\nnone = "survey"'
    said = ask("backtest", "--subscription", "weights", "--rule", rule)
    assert said.code == 0
    assert (
        "weights edited: 2 papers, 1.0 a day, 25% of all\n"
        "  before: 2 papers, 1.0 a day, 25% of all\n"
        "  adds 1 paper\n"
        "    + 2026-02-19 2602.00004 Plain matter of number 3\n"
        "  drops 1 paper\n"
        "    - 2026-02-20 2602.00101 A survey of zorblaxes\n"
    ) in said.out
    assert "kept out: survey 1\n" in said.out
    both = ask("backtest", "--rule", "any = 'matter'", "--rule", "any = 'zorblax'", "--json")
    assert [rule["papers"] for rule in of(both, "--rule")["rules"]] == [5, 2]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("any = ['x AND y']", "--rule: any[0]: `x AND y`: AND is not an operator"),
        ("anny = ['x']", "--rule: anny: unknown key; did you mean `any`?"),
        ("any = [x]", "--rule: in a list, text must stand in quotes"),
        ("zorblax", '--rule: write a rule as in any = ["diffusion*"], min_upvotes = 5'),
        ("topics = ['agentz']", "--rule: topics[0]: there is no topic `agentz`"),
    ],
)
def test_what_is_wrong_with_a_rule_is_told(stored: World, rule: str, told: str) -> None:
    said = Asker(stored)("backtest", "--rule", rule)
    assert said.code == 2
    assert said.err.startswith(f"watcher: {told}")


def test_an_edited_configuration(stored: World) -> None:
    stored.configure(
        DAILY, WEIGHTS, OWN.format(name="gone", word="x"), OWN.format(name="same", word="y")
    )
    folder = stored.directory / "subscriptions.d"
    folder.mkdir()
    (folder / "bob.toml").write_text('to = "bob@example.org"\nany = "matter"\n')
    edited = stored.directory / "edited" / "new.toml"
    edited.parent.mkdir()
    edited.write_text(
        '[smtp]\npassword_file = "nowhere"\n'
        + WEIGHTS.replace('["zorblax"]', '["zorblax"]\nnone = ["survey"]')
        + OWN.format(name="new", word="matter")
        + OWN.format(name="same", word="y")
    )
    said = Asker(stored)("backtest", "--against", str(edited), "--json")
    edit = of(said)["edit"]
    assert (edit["papers_before"], edit["added"]) == (2, [])
    assert titles(edit["dropped"]) == ["A survey of zorblaxes"]
    new = of(said, "new")
    assert (new["is_new"], new["papers"], new["edit"]) == (True, 5, None)
    assert [one["id"] for one in said.json["subscriptions"]] == ["weights", "new"]
    assert (said.json["unchanged"], said.json["missing"]) == (["same"], ["gone"])
    plain = Asker(stored)("backtest", "--against", str(edited)).out
    assert "new only in the edited file: 5 papers" in plain
    assert "The edit changes nothing of same.\nNot in the edited file: gone.\n" in plain


def test_an_edited_file_of_one_person(stored: World) -> None:
    folder = stored.directory / "subscriptions.d"
    folder.mkdir()
    (folder / "bob.toml").write_text('to = "bob@example.org"\nany = "zorblax"\n')
    edited = stored.directory / "bob.toml"
    edited.write_text('to = "bob@example.org"\nany = "matter"\n')
    ask = Asker(stored)
    edit = of(ask("backtest", "--against", str(edited), "--json"), "bob/bob")["edit"]
    assert (len(edit["added"]), len(edit["dropped"])) == (5, 2)
    draft = edited.rename(stored.directory / "draft.toml")
    said = ask("backtest", "--against", str(draft), "--subscription", "bob", "--json")
    assert of(said, "bob/bob")["edit"] == edit, "by another name it is who was named"
    alone = ask("backtest", "--against", str(draft), "--json").json
    assert [(one["id"], one["is_new"]) for one in alone["subscriptions"]] == [("draft/draft", True)]
    assert alone["missing"] == []


def test_an_edit_of_sources_is_one(stored: World) -> None:
    search = '[[sources]]\npage = "search"\nname = "nets"\nquery = "home"\n'
    stored.configure(DAILY, search, WEIGHTS)
    check(stored)
    edited = stored.directory / "edited.toml"
    edited.write_text(DAILY + search + WEIGHTS + 'sources = ["nets"]\n')
    edit = of(Asker(stored)("backtest", "--against", str(edited), "--json"))["edit"]
    assert titles(edit["dropped"]) == ["A survey of zorblaxes"]


def test_an_edit_of_a_topic_is_an_edit_of_those_who_name_it(stored: World) -> None:
    topic = '[topics.mine]\nany = ["{}"]\n'
    by_topic = WEIGHTS.replace('any = ["zorblax"]', 'topics = ["mine"]')
    stored.configure(DAILY, topic.format("zorblax"), by_topic)
    edited = stored.directory / "edited.toml"
    edited.write_text(topic.format("survey") + by_topic)
    edit = of(Asker(stored)("backtest", "--against", str(edited), "--json"))["edit"]
    assert titles(edit["dropped"]) == ["Zorblaxes at home"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '[[subscriptions]]\nto = "a@example.org"\nanny = "x"\n',
            "line 3, subscriptions[0].anny: ",
        ),
        ('[[subscriptions]]\nto = "a@example.org"\nany = "x AND y"\n', "line 3, rules[0].any[0]: "),
        ('to = "a@example.org"\nany = "*x"\n', "line 2, rules[0].any[0]: "),
        ('to = "a@example.org"\nsources = "weekly"\n', "line 2, sources: "),
        ("to = \n", "line 1, "),
    ],
)
def test_what_is_wrong_with_an_edited_file_is_told(stored: World, text: str, told: str) -> None:
    edited = stored.directory / "edited.toml"
    edited.write_text(text)
    said = Asker(stored)("backtest", "--against", str(edited))
    assert said.code == 78
    assert said.err.startswith(f"watcher: {edited}, {told}")
    assert Asker(stored)("backtest", "--against", str(edited.with_name("no.toml"))).code == 78


def test_two_edits_at_once_are_refused(stored: World) -> None:
    said = Asker(stored)("backtest", "--rule", "any = 'x'", "--against", "new.toml")
    assert said.code == 2
    assert "one at a time" in said.err


def test_an_edited_file_without_the_subscription_asked_for(stored: World) -> None:
    edited = stored.directory / "edited.toml"
    edited.write_text(OWN.format(name="one", word="x") + OWN.format(name="two", word="y"))
    said = Asker(stored)("backtest", "--against", str(edited), "--subscription", "weights")
    assert said.code == 2
    assert "has no subscription weights; it has: one, two" in said.err


def test_a_broken_file_stops_nobody_else(stored: World) -> None:
    folder = stored.directory / "subscriptions.d"
    folder.mkdir()
    (folder / "bob.toml").write_text("to = 5\n")
    said = Asker(stored)("backtest", "--json")
    assert [one["id"] for one in said.json["subscriptions"]] == ["weights"]
    assert said.err.startswith(f"warning: {folder / 'bob.toml'}, line 1, to: ")
    assert Asker(stored)("backtest", "--subscription", "bob").code == 2


def test_rules_of_the_configuration_itself_must_be_right(stored: World) -> None:
    stored.configure(DAILY, WEIGHTS.replace("zorblax", "x OR y"))
    said = Asker(stored)("backtest")
    assert said.code == 78
    assert "rules[0].any[0]: `x OR y`: OR is not an operator" in said.err


def test_a_subscription_is_tried_on_the_papers_of_its_sources(stored_anywhere: World) -> None:
    sources = '[[sources]]\npage = "search"\nname = "nets"\nquery = "zorblaxes home"\n'
    own = WEIGHTS.replace('any = ["zorblax"]', 'sources = ["nets"]')
    stored_anywhere.configure(DAILY, sources, own, OWN.format(name="whole", word="matter"))
    check(stored_anywhere)
    said = Asker(stored_anywhere)("backtest", "--json")
    assert (of(said)["papers"], of(said)["share"]) == (1, 1.0)
    assert (of(said, "whole")["papers"], of(said, "whole")["share"]) == (5, 0.625)


def test_votes_that_came_later_count(stored: World) -> None:
    popular = WEIGHTS + "min_upvotes = 30\n"
    stored.configure(DAILY, popular)
    stored.later(hours=1)
    put(stored, "Zorblaxes", first=201, votes=lambda now: 40 if now > stored_at else 0)
    ask = Asker(stored)
    assert of(ask("backtest", "--json"))["papers"] == 0
    stored.later(hours=1)
    check(stored)
    assert of(ask("backtest", "--json"))["papers"] == 1


stored_at = THURSDAY + dt.timedelta(days=1, hours=1)


def test_without_a_database_it_says_what_to_do(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("backtest")
    assert said.code == 74
    assert "`watcher check-now` makes it, --fetch reads the site's pages instead" in said.err
    assert ask("backtest", "--json").json["error"] == said.err.strip().removeprefix("watcher: ")


def test_hostile_titles_stay_one_line(stored: World) -> None:
    put(stored, "Zorblax \x1b[31mred\n\u202egnp.exe", first=301)
    said = Asker(stored)("backtest")
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "Zorblax [31mred gnp.exe\n" in said.out


def test_a_page_with_plots_is_written(stored: World, tmp_path: Path) -> None:
    ask = Asker(stored)
    page = tmp_path / "page.html"
    said = ask("backtest", "--html", str(page))
    assert said.err == f"{page} is written\n"
    assert "<svg" in page.read_text(encoding="utf-8")
    assert f"{stored.site.url}/papers/2602.00101" in page.read_text(encoding="utf-8")
    assert ask("backtest", "--html", str(page), "--json").json["html"] == str(page)
    refused = ask("backtest", "--html", str(tmp_path / "no" / "page.html"))
    assert refused.code == 2
    assert "cannot be written" in refused.err


def test_long_lists_are_cut_for_people_only(stored: World) -> None:
    put(stored, *(f"Quux {number}" for number in range(14)), first=401)
    ask = Asker(stored)
    arguments = ("backtest", "--subscription", "weights", "--rule", "any = 'quux'")
    assert "      and 4 more; --html and --json have them all\n" in ask(*arguments).out
    edit = of(ask(*arguments, "--json"))["edit"]
    assert len(edit["added"]) == 14


def test_lines_fit_the_terminal(stored: World) -> None:
    put(stored, "Zorblaxes " + "for everything " * 9, first=501)
    place = ("--config", str(stored.config_path), "--state-dir", str(stored.state_dir))
    env = {"COLUMNS": "60", "LINES": "20"}
    days = str((dt.datetime.now(dt.UTC) - THURSDAY).days + 5)
    with Terminal("backtest", "--days", days, *place, env=env) as terminal:
        assert terminal.end() == 0
    lines = terminal.screen.splitlines()
    assert max(map(len, lines)) <= 60
    assert any(line.endswith("…") for line in lines)


def test_marks_are_plain_where_the_terminal_has_no_others(stored: World) -> None:
    place = ("--config", str(stored.config_path), "--state-dir", str(stored.state_dir))
    days = str((dt.datetime.now(dt.UTC) - THURSDAY).days + 5)
    env = {"PYTHONIOENCODING": "ascii"}
    with Terminal("backtest", "--days", days, *place, env=env) as terminal:
        assert terminal.end() == 0
    assert "\n    88\n" in terminal.screen


def test_a_long_time_is_told_by_several_days_a_mark(stored: World) -> None:
    stored.later(days=98)
    put(stored, "Zorblaxes again", first=601)
    said = Asker(stored)("backtest", "--days", "100")
    assert "9 papers first seen in 100 days" in said.out
    assert f"    ██{'·' * 31}█  3 days a mark\n" in said.out


def test_a_person_s_file_may_have_another_name_than_its_copy(stored: World) -> None:
    folder = stored.directory / "subscriptions.d"
    folder.mkdir()
    (folder / "bob.toml").write_text('to = "bob@example.org"\nany = "zorblax"\n')
    draft = stored.directory / "draft.toml"
    draft.write_text('name = "bob"\nto = "bob@example.org"\nany = "survey"\n')
    edit = of(Asker(stored)("backtest", "--against", str(draft), "--json"), "bob/bob")["edit"]
    assert titles(edit["dropped"]) == ["Zorblaxes at home"]


# The site's pages.


def days_of(world: World, count: int) -> list[dt.date]:
    """Put a paper about zorblaxes on each of so many days; the weekdays, newest first."""
    today = world.now.date()
    days = [today - dt.timedelta(days=back) for back in range(count)]
    for number, day in enumerate(days):
        at = dt.datetime.combine(day, dt.time(1), dt.UTC)
        if day.weekday() < 5:
            world.add(make_paper(number, at, title=f"Zorblax of {day}", abstract=""))
    return [day for day in days if day.weekday() < 5]


def test_pages_of_past_days_are_read_and_nothing_is_stored(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    days = days_of(world, 10)
    said = ask("backtest", "--fetch", "--days", "10", "--json")
    assert said.code == 0
    assert world.site.paths() == [f"/papers/date/{day}" for day in days], "one request a page"
    assert said.json["fetched"] == {"pages": 8, "papers": 8, "error": None}
    assert (said.json["papers"], said.json["stored"]) == (8, 0)
    [rule] = said.json["subscriptions"][0]["rules"]
    assert [one["day"] for one in rule["per_day"] if one["papers"]] == [
        str(day) for day in reversed(days)
    ]
    assert not world.state_dir.exists()
    assert said.err == "", "no progress off a terminal"


def test_stored_papers_keep_what_is_known_and_are_counted_once(world: World, ask: Asker) -> None:
    world.configure(DAILY, TRENDING, WEIGHTS + 'sources = ["daily"]\n')
    days_of(world, 10)
    check(world)
    asked = len(world.site.requests)
    before = ask("backtest", "--json").json
    assert len({one["day"] for one in before["per_day"]}) == 1, "all of them were first seen today"
    said = ask("backtest", "--fetch", "--days", "10", "--json").json
    assert said["papers"] == 8
    assert len(said["per_day"]) == 10, "a paper's day is that of its page"
    assert said["subscriptions"][0]["papers"] == 8
    assert len(world.site.requests) == asked + 8
    assert ask("backtest", "--json").json == before, "nothing of it was stored"


def test_a_day_that_answers_with_another_is_not_counted_twice(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    yesterday = world.now - dt.timedelta(days=1)
    world.add(make_paper(1, yesterday, title="Zorblax"))
    said = ask("backtest", "--fetch", "--days", "2", "--json")
    assert said.code == 0
    assert said.json["papers"] == 1
    assert ask("backtest", "--fetch", "--days", "1", "--json").json["papers"] == 0


@pytest.mark.parametrize("name", ["blocked", "rate limited", "down"])
def test_trouble_stops_it_and_what_was_read_is_shown(world: World, ask: Asker, name: str) -> None:
    faults = {"blocked": challenge(), "rate limited": rate_limited(), "down": server_error(500)}
    world.configure(DAILY, WEIGHTS)
    days = days_of(world, 5)
    world.site.faults[f"/papers/date/{days[2]}"] = faults[name]
    said = ask("backtest", "--fetch", "--days", "5", "--json")
    assert said.code == 3
    assert said.json["papers"] == 2
    assert said.json["fetched"]["pages"] == 2
    expected = {"blocked": "firewall", "rate limited": "no more requests", "down": "answered 500"}
    assert expected[name] in said.json["fetched"]["error"]
    assert "stopped there, 2 pages of days unread" in said.json["fetched"]["error"]
    assert f"/papers/date/{days[3]}" not in world.site.paths()


def test_one_page_that_is_missing_does_not_stop_it(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    days = days_of(world, 4)
    world.site.faults[f"/papers/date/{days[1]}"] = server_error(404)
    said = ask("backtest", "--fetch", "--days", "4")
    assert said.code == 3
    assert said.out.startswith("3 papers first seen in 4 days")
    assert "Not all could be read: " in said.out
    assert f"{days[1]}: the site answered 404" in said.out


def test_a_page_that_has_changed_is_told(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    days = days_of(world, 3)
    world.site.faults[f"/papers/date/{days[1]}"] = no_marks()
    said = ask("backtest", "--fetch", "--days", "3", "--json")
    assert said.code == 3
    assert said.json["papers"] == 2
    assert (
        f"/papers/date/{days[1]}: the page has none of the marks" in said.json["fetched"]["error"]
    )


def test_nothing_read_and_nothing_stored_is_a_failure(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.site.faults["*"] = challenge()
    said = ask("backtest", "--fetch")
    assert said.code == 1
    assert "Not all could be read: " in said.out


def test_the_site_is_left_alone_while_it_wants_to_be(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.fill()
    check(world)
    world.later(minutes=1)
    world.site.faults["*"] = rate_limited(600)
    check(world)
    asked = len(world.site.requests)
    said = ask("backtest", "--fetch", "--json")
    assert said.code == 3
    assert said.json["fetched"]["error"] == "the site is left alone until 07:11:00 UTC"
    assert len(world.site.requests) == asked


def test_no_more_than_thirty_days_of_pages_are_read(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.add(make_paper(1, world.now, title="Zorblax"))
    assert ask("backtest", "--fetch", "--days", "90", "--json").code == 0
    assert len({path for path in world.site.paths() if path.startswith("/papers/date/")}) <= 23


def test_progress_is_shown_on_a_terminal(world: World) -> None:
    world.now = dt.datetime.now(dt.UTC)
    world.configure(DAILY, WEIGHTS)
    days = days_of(world, 7)
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    env = {"COLUMNS": "80", "LINES": "20", "TERM": "xterm"}
    with Terminal("backtest", "--fetch", "--days", "7", *place, env=env) as terminal:
        assert terminal.end() == 0
    assert f"{len(days)} papers first seen" in terminal.screen
    assert "reading pages" in terminal.screen
    with Terminal("backtest", "--fetch", "--days", "1", "--quiet", *place, env=env) as terminal:
        assert terminal.end() == 0
    assert "reading pages" not in terminal.screen


def test_papers_that_were_wanted_or_not_are_judged_whenever_they_were_seen(
    stored_anywhere: World, tmp_path: Path
) -> None:
    world = stored_anywhere
    world.later(days=40)
    put(world, "Zorblaxes in bloom", "Quuxes", first=201)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        for paper_id, is_wanted in (
            ("2602.00006", True),  # of 41 days ago
            (make_paper(202, world.now).id, True),
            ("2602.00101", False),
        ):
            feedback.put(connection, "weights", paper_id, world.now, is_wanted=is_wanted)
    database.close()
    ask = Asker(world)
    said = ask("backtest")
    assert "  brings 1 of 2 papers that were wanted, and 1 of 1 that was not\n" in said.out
    assert "  wanted, and missed:\n    - 2026-04-01 2604.00202 Quuxes\n" in said.out
    brought = "    + 2026-02-20 2602.00101 A survey of zorblaxes\n"
    assert f"  not wanted, and brought:\n{brought}" in said.out
    found = of(ask("backtest", "--json"))
    assert (found["feedback"]["wanted"], found["feedback"]["found"]) == (2, 1)
    assert titles(found["feedback"]["missed"]) == ["Quuxes"]
    assert titles(found["feedback"]["brought"]) == ["A survey of zorblaxes"]
    assert [rule["feedback"] for rule in found["rules"]] == [found["feedback"]]

    rule = 'any = ["zorblax", "quux"], none = ["survey"]'
    page = tmp_path / "page.html"
    edit = ["backtest", "--subscription", "weights", "--rule", rule, "--rule", 'any = "quux"']
    said = ask(*edit, "--html", str(page))
    assert "  brings 2 of 2 papers that were wanted, and 0 of 1 that was not\n" in said.out
    assert "  before: brings 1 of 2 papers that were wanted, and 1 of 1 that was not\n" in said.out
    assert "    brings 1 of 2 papers that were wanted, and 0 of 1 that was not\n" in said.out
    assert "missed:" not in said.out
    assert "brings 2 of 2 papers that were wanted" in page.read_text("utf-8")
    edited = of(ask(*edit, "--json"))
    assert edited["feedback"]["found"] == 2
    assert edited["feedback_before"]["found"] == 1
    alone = ask("backtest", "--rule", rule)
    assert "wanted" not in alone.out, "nobody said anything for that one"
