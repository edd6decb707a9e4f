"""Why a paper came, or did not."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from tests.cli.looking import Asker, Said, fill
from tests.fakesite import Fault, make_paper
from tests.world import DAILY, TRENDING, WEIGHTS, ZORBLAX, World
from watcher.store import feedback, subscriptions
from watcher.store.database import Database

AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")
POPULAR = AT_EIGHT.replace('"weights"', '"popular"') + "min_upvotes = 20\n"


def run_pass(world: World) -> None:
    asyncio.run(_run_pass(world))


async def _run_pass(world: World) -> None:
    await world.run_pass()


def state(said: Said, subscription: str = "weights") -> str:
    [story] = [one for one in said.json["subscriptions"] if one["id"] == subscription]
    found = story["state"]
    assert isinstance(found, str)
    return found


def test_a_paper_that_waits_for_its_slot(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    said = ask("explain", "2602.00001")
    assert said.code == 0
    assert said.out.startswith(f"2602.00001: {ZORBLAX}\n")
    assert "now on: daily 2026-02-19" in said.out
    assert "pending since Thu 2026-02-19 07:00 UTC" in said.out
    assert "goes out with the digest of Thu 2026-02-19 08:00 UTC" in said.out
    assert "mentions zorblax: match" in said.out
    assert "Zorblaxes in title" in said.out


@pytest.mark.parametrize(
    "words",
    [
        "2602.00001v3",
        "arXiv:2602.00001",
        "https://huggingface.co/papers/2602.00001#community",
        "https://arxiv.org/abs/2602.00001v2",
        "https://arxiv.org/pdf/2602.00001.pdf",
        "zorblaxes EVERYTHING",
    ],
)
def test_a_paper_is_known_by_many_names(world: World, ask: Asker, words: str) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    assert ask("explain", *words.split(), "--json").json["paper"]["id"] == "2602.00001"


def test_a_paper_that_was_mailed_names_digest_and_recipients(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS.replace('["ada@', '["bob@example.org", "ada@'))
    fill(world, 1)
    world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="bob@example.org")
    run_pass(world)
    said = ask("explain", "2602.00001", "--json")
    [story] = said.json["subscriptions"]
    assert story["state"] == "composed"
    assert story["digest"]["id"] == 1
    states = {each["recipient"]: each["state"] for each in story["deliveries"]}
    assert states == {"ada@example.org": "delivered", "bob@example.org": "dead"}
    plain = ask("explain", "2602.00001").out
    assert "in digest 1 of Thu 2026-02-19 07:00 UTC: " in plain
    assert "ada@example.org delivered Thu 2026-02-19 07:00 UTC" in plain
    assert "550 5.1.1 no such user" in plain


def test_what_readers_said_of_it_is_told(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    run_pass(world)
    assert "said of it" not in ask("explain", "2602.00001").out
    database = Database(world.config().store_url, writable=True)
    for is_wanted, words in ((True, "more like this"), (False, "not this")):
        with database.write() as connection:
            feedback.put(connection, "weights", "2602.00001", world.now, is_wanted=is_wanted)
        assert f"\nits readers said of it: {words}\n" in ask("explain", "2602.00001").out
        [story] = ask("explain", "2602.00001", "--json").json["subscriptions"]
        assert story["is_wanted"] is is_wanted
    database.close()


def test_a_paper_that_fits_no_rule_shows_each_condition(world: World, ask: Asker) -> None:
    world.configure(DAILY, POPULAR)
    fill(world)
    world.add(make_paper(1, world.now, title=ZORBLAX, votes=lambda _: 15))
    run_pass(world)
    said = ask("explain", "2602.00001", "--json")
    assert state(said, "popular") == "no-rule-holds"
    [rule] = said.json["subscriptions"][0]["rules"]
    assert rule["verdict"] == "no match"
    assert rule["near_miss"] == "15 of 20 votes"
    [words, votes] = rule["conditions"]
    assert words["passed"] is True
    assert words["found"] == [
        {
            "wanted": "zorblax",
            "field": "title",
            "words": ["Zorblaxes"],
            "topic": None,
            "context": ZORBLAX,
        }
    ]
    assert (votes["condition"], votes["wanted"], votes["has"], votes["passed"]) == (
        "min_upvotes",
        "at least 20 votes",
        "15 votes",
        False,
    )
    plain = ask("explain", "2602.00001").out
    assert "never matched: no rule of it holds" in plain
    assert "a near miss: 15 of 20 votes" in plain


def test_votes_a_day_are_explained(world: World, ask: Asker) -> None:
    world.configure(TRENDING, WEIGHTS + "min_upvotes_per_day = 10\n")
    fill(world)
    old = world.now - dt.timedelta(days=7)
    always = (old, world.now + dt.timedelta(days=7))
    began = world.now
    world.add(
        make_paper(
            *(1, old),
            title=ZORBLAX,
            trends=always,
            votes=lambda now: 100 + int((now - began) / dt.timedelta(hours=1)) // 4,
        )
    )
    for _ in range(4):
        world.later(hours=12)
        run_pass(world)
    said = ask("explain", "2602.00001")
    assert "mentions zorblax AND has gained at least 10 votes a day: no match" in said.out
    assert "a near miss: 6 of 10 votes a day" in said.out


def test_votes_a_day_of_what_waits_are_those_of_its_match(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT.replace("daily", "weekly mon") + "min_upvotes_per_day = 10\n")
    fill(world)
    world.add(make_paper(1, world.now, title=ZORBLAX, votes=lambda _: 15))
    run_pass(world)
    world.later(days=3)
    said = ask("explain", "2602.00001")
    assert "goes out with the digest of Mon 2026-02-23 08:00 UTC" in said.out
    assert "at least 10 votes a day  15 votes a day" in said.out


def test_what_was_there_before_the_subscription_is_its_baseline(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT + 'first_run = "baseline"\n')
    fill(world, 1)
    run_pass(world)
    said = ask("explain", "2602.00001")
    assert "never mailed: it was on daily already when the subscription began" in said.out
    assert state(ask("explain", "2602.00001", "--json")) == "baseline"


def test_new_rules_are_told_before_and_after_they_take_effect(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT.replace("zorblax", "quux"))
    fill(world, 1)
    run_pass(world)
    assert state(ask("explain", "2602.00001", "--json")) == "no-rule-holds"
    world.configure(DAILY, AT_EIGHT)
    said = ask("explain", "2602.00001", "--json")
    assert state(said) == "due"
    world.configure(DAILY, TRENDING, AT_EIGHT + 'sources = ["trending"]\n')
    assert state(ask("explain", "2602.00001", "--json")) == "not-listed"


def test_what_no_longer_holds_is_withdrawn(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    world.configure(DAILY, AT_EIGHT.replace("zorblax", "quux"))
    assert "the rules no longer hold: it will be withdrawn" in ask("explain", "2602.00001").out
    world.later(hours=2)
    run_pass(world)
    said = ask("explain", "2602.00001")
    assert "withdrawn: it matched Thu 2026-02-19 07:00 UTC" in said.out
    world.configure(DAILY, AT_EIGHT)
    assert state(ask("explain", "2602.00001", "--json")) == "due"


def test_a_paper_that_lacks_a_field_is_undecided(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    world.site.without_json = True
    world.site.faults["/api/*"] = Fault(disconnects=True)
    fill(world)
    world.add(make_paper(1, world.now, title="Plain", abstract="All about the zorblax."))
    run_pass(world)
    said = ask("explain", "2602.00001")
    assert "undecided: waits for abstract, keywords" in said.out
    assert "judged as it stands from Fri 2026-02-20 07:00 UTC on" in said.out
    assert "not known" in said.out


def test_what_waits_is_judged_as_composing_will(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    world.site.without_json = True
    world.site.faults["/api/*"] = Fault(disconnects=True)
    fill(world, 1)
    run_pass(world)
    world.configure(DAILY, AT_EIGHT.replace("zorblax", "quux"))
    said = ask("explain", "2602.00001")
    assert "the rules no longer hold: it will be withdrawn" in said.out, "no abstract is awaited"


def test_paused_and_held_subscriptions_say_why_nothing_goes(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        subscriptions.pause(connection, "weights", world.now)
    database.close()
    assert "the subscription is paused" in ask("explain", "2602.00001").out
    world.configure(DAILY, AT_EIGHT.replace('"weights"', '"heavy"'))
    run_pass(world)
    said = ask("explain", "2602.00001")
    assert "heavy: pending since Thu 2026-02-19 07:00 UTC; the subscription is held" in said.out
    assert "weights: the subscription is gone; withdrawn" in said.out


def test_one_subscription_can_be_asked_about(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT, POPULAR)
    fill(world, 1)
    run_pass(world)
    said = ask("explain", "2602.00001", "--subscription", "popular", "--json")
    assert [one["id"] for one in said.json["subscriptions"]] == ["popular"]
    said = ask("explain", "2602.00001", "--subscription", "populer")
    assert said.code == 2
    assert "did you mean popular?" in said.err


def test_a_name_that_several_have_is_not_guessed(world: World, ask: Asker) -> None:
    folder = world.config_path.parent / "subscriptions.d"
    folder.mkdir()
    for name in ("ada", "eve"):
        (folder / f"{name}.toml").write_text(
            f'[[subscriptions]]\nname = "own"\nto = "{name}@example.org"\nany = "zorblax"\n'
        )
    world.configure(DAILY)
    fill(world, 1)
    run_pass(world)
    said = ask("explain", "2602.00001", "--subscription", "own")
    assert said.code == 2
    assert "own names several: ada/own, eve/own" in said.err
    assert ask("explain", "2602.00001", "--subscription", "eve/own").code == 0


def test_an_unknown_paper_says_what_can_be_known(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    said = ask("explain", "2301.00001")
    assert said.code == 2
    assert "paper 2301.00001 is not known. Only papers seen on the watched pages" in said.err
    said = ask("explain", "no", "such", "words", "--json")
    assert said.code == 2
    assert said.json["papers"] == []
    assert ask("explain", "  ").code == 2
    assert ask("explain", "%").code == 2, "no wildcard of SQL"


def test_several_papers_are_listed(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1, 2)
    world.add(make_paper(3, world.now, title="Zorblaxes"))
    run_pass(world)
    said = ask("explain", "zorblaxes", "for")
    assert said.code == 2
    assert "2602.00001" in said.out
    assert "2602.00002" in said.out
    assert "name one by its id" in said.err
    assert ask("explain", "ZORBLAXES").out.startswith("2602.00003"), "the whole title is meant"


def test_without_a_database_it_says_what_to_do(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    said = ask("explain", "2602.00001")
    assert said.code == 74
    assert "`watcher check-now` makes it" in said.err


def test_latex_is_read_and_shown_as_text(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    title, abstract = (
        r"\textbf{Zorblax} in $\pi_0$",
        "Long before. " * 9 + r"A na\"{\i}ve zorblax." + " Long after." * 9,
    )
    world.add(make_paper(1, world.now, title=title, abstract=abstract))
    run_pass(world)
    assert ask("explain", "2602.00001").out.startswith("2602.00001: Zorblax in π₀\n")
    said = ask("explain", "2602.00001", "--json").json
    assert said["paper"]["title"] == title, "as the site has it"
    [rule] = said["subscriptions"][0]["rules"]
    assert [(found["field"], found["context"]) for found in rule["conditions"][0]["found"]] == [
        ("title", "Zorblax in π₀"),
        ("abstract", f"…{'Long before. ' * 3}A naïve zorblax.{' Long after.' * 4}…"),
    ]


def test_a_hostile_title_stays_one_line(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world)
    world.add(make_paper(1, world.now, title="Zorblax \x1b[31mred\n\u202egnp.exe"))
    run_pass(world)
    said = ask("explain", "2602.00001")
    assert said.code == 0
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
