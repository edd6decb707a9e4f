"""What a configuration means and what is wrong with it, in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.looking import Asker, fill
from tests.fakesite import Fault, make_paper
from tests.fakesite.faults import Answer
from tests.world import DAILY, WEIGHTS, World

AT_EIGHT = WEIGHTS.replace("each-check", "weekdays 08:00")


def line_of(world: World, text: str) -> int:
    """The line (from 1) of the configuration that holds `text`."""
    lines = world.config_path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_everything_in_words_with_counts_of_the_pages(world: World, ask: Asker) -> None:
    world.configure(
        '[[sources]]\npage = "daily"\n[[sources]]\nname = "nets"\npage = "search"\n'
        'query = "zorblax"\n',
        AT_EIGHT.replace('any = ["zorblax"]', 'timezone = "Asia/Tokyo"\nmax_age_days = 30'),
        '[[subscriptions.rules]]\nany = ["zorblax"]\nauthors = ["Ha"]\n'
        '[[subscriptions.rules]]\nall = ["zorblax", "everything"]\n',
        '[[subscriptions]]\nname = "all"\nto = ["bob@example.org"]\ndigest = "each-check"\n',
    )
    fill(world, 1, 2)
    said = ask("check-config")
    assert said.code == 0
    assert said.out == (
        f"config    {world.config_path}\n"
        f"database  {world.state_dir / 'watcher.db'}\n"
        f"mail      127.0.0.1 port {world.smtp.port}, unencrypted, "
        "from Papers <papers@example.org>\n"
        "sources   daily, nets (search: zorblax)\n"
        "\nweights\n"
        "  to        ada@example.org\n"
        "  digest    weekdays at 08:00 (Asia/Tokyo); next Fri 2026-02-20 08:00 JST\n"
        "  sources   daily, nets\n"
        "  rule      mentions zorblax AND is by Ha, published in the last 30 days\n"
        "            fits 0 of 10 papers on the pages at this moment\n"
        "  rule      mentions zorblax and everything, published in the last 30 days\n"
        "            fits 2 of 10 papers on the pages at this moment\n"
        "\nall\n"
        "  to        bob@example.org\n"
        "  digest    after each check; next with a check\n"
        "  sources   daily, nets\n"
        "  rule      every paper\n"
        "            fits 10 of 10 papers on the pages at this moment\n"
        "\nThe configuration is good.\n"
    )
    assert said.err == (
        "warning: weights, rule `zorblax`: none of 10 papers fits; is a word misspelt?\n"
    )
    assert not world.state_dir.exists()
    assert world.smtp.connection_count == 0


def test_counts_of_what_is_stored_need_no_network(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    asyncio.run(_run_pass(world))
    asked = len(world.site.requests)
    world.later(days=29)
    said = ask("check-config")
    assert said.code == 0
    assert "  rule      mentions zorblax\n            fits 1 of 10 papers seen in the" in said.out
    assert len(world.site.requests) == asked
    world.later(days=2)
    world.fill(first=700)
    assert "on the pages at this moment" in ask("check-config").out


async def _run_pass(world: World) -> None:
    await world.run_pass()


def test_offline_nothing_is_asked_and_nothing_counted(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    said = ask("check-config", "--offline")
    assert (said.code, said.err) == (0, "")
    assert "fits" not in said.out
    assert world.site.requests == []


def test_what_gains_no_votes_at_this_moment_is_not_misspelt(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS, "min_upvotes_per_day = 1000\nbackfill_days = 30\n")
    fill(world, 1)
    said = ask("check-config")
    assert (said.code, said.err) == (0, "")
    assert "mentions zorblax AND has gained at least 1000 votes a day\n" in said.out
    assert "fits 0 of 9 papers on the pages at this moment" in said.out


def test_what_gains_votes_is_counted(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS, "min_upvotes_per_day = 10\n")
    fill(world)
    world.add(make_paper(1, world.now, title="A zorblax", votes=lambda _: 10))
    for count in ("9 papers on the pages at this moment", "10 papers seen in the last 30 days"):
        assert f"fits 1 of {count}" in ask("check-config").out
        asyncio.run(_run_pass(world))


def test_looking_back_alone_still_means_every_paper(world: World, ask: Asker) -> None:
    every = WEIGHTS.replace('any = ["zorblax"]', "backfill_days = 30")
    world.configure(DAILY, every)
    fill(world)
    said = ask("check-config")
    assert (said.code, said.err) == (0, "")
    assert "every paper\n" in said.out


def test_a_rule_that_takes_everything_looks_wrong(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS.replace('any = ["zorblax"]', "min_upvotes = 0\nnone = ['xyz']"))
    fill(world)
    said = ask("check-config")
    assert said.code == 0
    assert said.err == (
        "warning: weights, rule `every paper without xyz`: every one of 8 papers fits; is that"
        " meant?\n"
    )


def test_pages_that_cannot_be_read_are_no_fault_of_the_configuration(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS)
    world.site.faults["*"] = Fault(change=lambda _: Answer(404, b"no", {}))
    said = ask("check-config")
    assert said.code == 0
    assert "fits" not in said.out
    assert said.err.startswith("warning: not all papers could be counted: daily: ")


def test_a_store_that_cannot_be_read_is_told(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.state_dir.mkdir()
    (world.state_dir / "watcher.db").write_bytes(b"not a database, but long enough to be one" * 99)
    said = ask("check-config")
    assert said.code == 0
    assert said.err.startswith("warning: not all papers could be counted: ")
    assert "is damaged" in said.err
    assert world.site.requests == []


FAULTY = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
[[subscriptions.rules]]
any = ["fine"]
[[subscriptions.rules]]
any = ["good", "x AND y"]
[[subscriptions.rules]]
topics = ["nonsense"]
"""


def test_every_fault_is_named_with_its_file_line_and_key(world: World, ask: Asker) -> None:
    world.configure(DAILY, FAULTY)
    others = world.directory / "subscriptions.d"
    others.mkdir()
    (others / "bob.toml").write_text('to = ["bob"]\ndigest = "often"\n')
    (others / "eve.toml").write_text('to = "eve@example.org"\nany = ["*x"]\n')
    (others / "joe.toml").write_text('to = "joe@example.org"\nany = ["fine"]\n')
    said = ask("check-config")
    assert said.code == 78
    lines = said.err.splitlines()
    starts = [
        f"watcher: {others / 'bob.toml'}, line 1, to[0]: ",
        f"watcher: {others / 'bob.toml'}, line 2, digest: ",
        f"watcher: {world.config_path}, line {line_of(world, 'good')}, rules[1].any[1]: ",
        f"watcher: {world.config_path}, line {line_of(world, 'topics')}, rules[2].topics[0]: ",
        f"watcher: {others / 'eve.toml'}, line 2, rules[0].any[0]: ",
        "watcher: 5 things to put right",
    ]
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=True)] == [True] * 6
    assert "joe/joe" in said.out
    assert "is good" not in said.out
    assert world.site.requests == []
    told = ask("check-config", "--json").json
    assert told["ok"] is False
    assert [(fault["file"], fault["line"], fault["key"]) for fault in told["problems"]] == [
        (str(others / "bob.toml"), 1, "to[0]"),
        (str(others / "bob.toml"), 2, "digest"),
        (str(world.config_path), line_of(world, "good"), "rules[1].any[1]"),
        (str(world.config_path), line_of(world, "topics"), "rules[2].topics[0]"),
        (str(others / "eve.toml"), 2, "rules[0].any[0]"),
    ]


def test_a_bad_topic_of_the_configuration_itself(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS, '[topics.mine]\nany = ["x OR y"]\n')
    said = ask("check-config", "--offline")
    assert said.code == 78
    assert said.err.startswith(
        f"watcher: {world.config_path}, line {line_of(world, 'x OR y')}, topics.mine.any[0]: "
    )


def test_a_file_that_cannot_be_loaded_at_all(world: World, ask: Asker) -> None:
    world.configure('[smpt]\nhost = "x"\n', "[[sources]]\npage = 'dayly'\n", WEIGHTS)
    said = ask("check-config")
    assert (said.code, said.out) == (78, "")
    first, second = said.err.splitlines()
    assert first.startswith(
        f"watcher: {world.config_path}, line {line_of(world, '[smpt]')}, smpt: "
    )
    assert "smtp" in first
    at = line_of(world, "dayly")
    assert second.startswith(f"watcher: {world.config_path}, line {at}, sources[0].page: ")
    told = ask("check-config", "--json")
    assert told.code == 78
    assert told.json["ok"] is False
    assert [fault["key"] for fault in told.json["problems"]] == ["smpt", "sources[0].page"]


def test_no_configuration_at_all(tmp_path: Path, ask: Asker) -> None:
    said = ask("check-config", "--config", str(tmp_path / "none.toml"))
    assert (said.code, said.out) == (78, "")
    assert said.err == (
        f"watcher: {tmp_path / 'none.toml'}: there is no such file; `watcher init` makes one\n"
    )


@pytest.mark.parametrize("command", ["check-config", "subscriptions"])
def test_no_way_to_send_mail(world: World, ask: Asker, command: str) -> None:
    world.config_path.write_text(WEIGHTS)
    arguments = [] if command == "check-config" else ["list"]
    said = ask(command, *arguments)
    if command == "check-config":
        assert said.code == 78
        assert f"watcher: {world.config_path}, smtp.host: there is no way to send mail" in said.err
    else:
        assert said.code == 0


def test_templates_of_ones_own_are_tried(world: World, ask: Asker) -> None:
    template = world.config_path.parent / "mine" / "digest.html.j2"
    template.parent.mkdir()
    template.write_text('{% extends "built-in/digest.html.j2" %}{% block top %}Mine{% endblock %}')
    world.configure(DAILY, AT_EIGHT, '[digest]\ntemplates = "mine"\n')
    assert ask("check-config", "--offline").code == 0
    template.write_text("\n{{ nmae }}")
    said = ask("check-config", "--offline")
    assert said.code == 78
    at = line_of(world, "templates =")
    assert f"{world.config_path}, line {at}, digest.templates: {template}, line 2:" in said.err
    wish = "{% for wish in paper.wishes %}{{ wish.ulr }}{% endfor %}"
    papers = f"{{% for paper in group.papers %}}{wish}{{% endfor %}}"
    template.write_text(f"{{% for group in groups %}}{papers}{{% endfor %}}")
    assert "has no attribute 'ulr'" in ask("check-config").err, "pages or not"
    assert "'nmae' is undefined" in said.err


def test_the_json(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    told = ask("check-config", "--json").json
    assert told == {
        "ok": True,
        "problems": [],
        "warnings": [],
        "config": str(world.config_path),
        "database": str(world.state_dir / "watcher.db"),
        "mail": f"127.0.0.1 port {world.smtp.port}, unencrypted, from Papers <papers@example.org>",
        "sources": ["daily"],
        "papers": 9,
        "papers_from": "live",
        "subscriptions": [
            {
                "id": "weights",
                "name": "weights",
                "to": ["ada@example.org"],
                "digest": "weekdays at 08:00 (UTC)",
                "timezone": "UTC",
                "next_slot_at": "2026-02-19T08:00:00+00:00",
                "sources": ["daily"],
                "max_age_days": 0,
                "file": str(world.config_path),
                "line": line_of(world, "[[subscriptions]]"),
                "rules": [
                    {
                        "name": "zorblax",
                        "sentence": "mentions zorblax",
                        "matches": 1,
                        "snoozed_until": None,
                    }
                ],
            }
        ],
    }


def test_escape_sequences_in_a_configuration_do_not_reach_the_terminal(
    world: World, ask: Asker
) -> None:
    world.configure(DAILY, WEIGHTS.replace("zorblax", "zor\\u001b[31mblax"))
    fill(world, 1)
    said = ask("check-config", "--offline")
    assert "\x1b" not in said.out + said.err


def test_papers_of_other_layouts_count_too(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    world.site.without_json = True
    world.fill()
    world.add(make_paper(1, world.now, title="Zorblax in the title"))
    said = ask("check-config")
    assert "fits 1 of 9 papers" in said.out
