"""Who gets what, who does not for a while, and who has another name now."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.cli.looking import Asker, fill
from tests.cli.terminal import Terminal
from tests.world import DAILY, WEIGHTS, World
from watcher import app
from watcher.models import MatchState
from watcher.store import matches, subscriptions
from watcher.store.database import Database

AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")
OTHERS = """
# for Bob

[[subscriptions]]
name = "others"
to = ["bob@example.org"]
[[subscriptions.rules]]
any = [
  "zorblax",
]
[[subscriptions.rules]]
all = ["nets"]

# for all
[log]
level = "info"
"""


@pytest.fixture
def folder(world: World) -> Path:
    world.configure(DAILY, AT_EIGHT, OTHERS)
    folder = world.directory / "subscriptions.d"
    folder.mkdir()
    (folder / "joe.toml").write_text('to = "joe@example.org"\nany = ["zorblax"]\n')
    return folder


def run_pass(world: World) -> None:
    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())


def known(world: World) -> dict[str, subscriptions.KnownSubscription]:
    with app.reading(world.config()) as database, database.read() as connection:
        return subscriptions.known(connection)


def states(world: World, subscription_id: str) -> list[MatchState]:
    with app.reading(world.config()) as database, database.read() as connection:
        return [
            state
            for state in MatchState
            for _ in matches.in_state(connection, state, subscription_id)
        ]


def test_the_list_needs_no_database(world: World, folder: Path, ask: Asker) -> None:
    said = ask("subscriptions", "list")
    assert (said.code, said.err) == (0, "")
    assert [line.split("  ")[0] for line in said.out.splitlines()] == [
        "subscription",
        "weights",
        "others",
        "joe/joe",
    ]
    assert said.out.splitlines()[2].endswith("new       mentions zorblax; or mentions nets")
    told = ask("subscriptions", "--json", "list").rows
    assert [(each["id"], each["standing"]) for each in told] == [
        ("weights", "new"),
        ("others", "new"),
        ("joe/joe", "new"),
    ]
    assert not world.state_dir.exists()


def test_an_empty_list_says_how_to_begin(world: World, ask: Asker) -> None:
    world.configure(DAILY)
    said = ask("subscriptions", "list")
    assert said.code == 0
    assert said.out == (
        "Nobody is subscribed; `watcher add ADDRESS --any KEYWORD` subscribes somebody.\n"
    )


def test_a_broken_file_is_told_beside_the_list(folder: Path, ask: Asker) -> None:
    (folder / "eve.toml").write_text("to = 7\n")
    said = ask("subscriptions", "list")
    assert said.code == 0
    assert said.err.startswith(f"left out: {folder}/eve.toml, line 1")


def test_one_of_them_with_the_place_it_is_written(world: World, folder: Path, ask: Asker) -> None:
    said = ask("subscriptions", "show", "joe")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "joe/joe\n"
        "  to        joe@example.org\n"
        "  digest    daily at 08:00 (UTC); next Thu 2026-02-19 08:00 UTC\n"
        "  sources   daily\n"
        "  rule      mentions zorblax\n"
        f"  written   in {folder}/joe.toml, line 1\n"
        "  standing  new: taken up at the next check\n"
    )
    run_pass(world)
    assert "  standing  active\n" in ask("subscriptions", "show", "joe").out
    assert ask("subscriptions", "show", "joe", "--json").json["standing"] == "active"
    said = ask("subscriptions", "show", "jo")
    assert (said.code, said.err) == (
        2,
        "watcher: no subscription is called jo; did you mean joe?\n",
    )


def test_a_paused_one_gets_nothing_and_later_everything(
    world: World, folder: Path, ask: Asker
) -> None:
    run_pass(world)
    with app.writing(world.config(), "run", world.now):  # a daemon is at work
        said = ask("subscriptions", "pause", "weights")
        assert (said.code, said.err) == (0, "")
        assert said.out == (
            "weights is paused: no digest is made. What was made before still goes out, what"
            " matches meanwhile waits.\n`watcher subscriptions resume weights` goes on.\n"
        )
        assert ask("subscriptions", "pause", "weights").out == "weights is paused already\n"
        assert (
            "paused since 2026-02-19 07:00 UTC; `watcher"
            in ask("subscriptions", "show", "weights").out
        )
    fill(world, 1)
    world.later(hours=2)
    run_pass(world)
    assert world.digests() == []
    with app.writing(world.config(), "run", world.now):
        said = ask("subscriptions", "resume", "weights")
        assert said.out == "weights goes on: what waits is in its next digest\n"
        assert ask("subscriptions", "resume", "weights").out == "weights was not paused\n"
    run_pass(world)
    assert len(world.digests()) == 1


def test_pausing_on_postgresql(stored_world: World) -> None:
    stored_world.configure(DAILY, AT_EIGHT)
    run_pass(stored_world)
    ask = Asker(stored_world)
    with app.writing(stored_world.config(), "run", stored_world.now):
        said = ask("subscriptions", "pause", "weights", "--json")
    assert said.json == {"id": "weights", "standing": "paused"}
    assert known(stored_world)["weights"].paused_at == stored_world.now


def test_pausing_before_the_first_run(world: World, folder: Path, ask: Asker) -> None:
    said = ask("subscriptions", "pause", "joe")
    assert (said.code, said.err) == (0, "")
    assert known(world)["joe/joe"].paused_at == world.now
    assert set(known(world)) == {"weights", "others", "joe/joe"}


def test_what_the_daemon_has_not_seen_yet_cannot_be_paused_behind_its_back(
    world: World, folder: Path, ask: Asker
) -> None:
    run_pass(world)
    (folder / "eve.toml").write_text('to = "eve@example.org"\nany = ["zorblax"]\n')
    with app.writing(world.config(), "run", world.now):
        said = ask("subscriptions", "pause", "eve")
    assert (said.code, said.out) == (75, "")
    assert said.err.startswith(
        "watcher: eve/eve is new, and the daemon has not taken it up yet: it does so at its next"
        " check, or on SIGHUP. Try again then (`watcher run`, process "
    )
    assert ask("subscriptions", "pause", "eve").code == 0


def test_one_whose_rules_are_not_valid_cannot_be_paused(
    world: World, folder: Path, ask: Asker
) -> None:
    (folder / "eve.toml").write_text('to = "eve@example.org"\nany = ["x AND y"]\n')
    said = ask("subscriptions", "pause", "eve")
    assert (said.code, said.err.splitlines()[-1]) == (
        78,
        "watcher: eve/eve is not valid; `watcher check-config` says why",
    )


def test_a_database_of_a_newer_version_is_left_alone(
    world: World, folder: Path, ask: Asker
) -> None:
    run_pass(world)
    database = Database(world.config().store_url, writable=True)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE watcher_version SET version_num = '9999'")
    database.close()
    said = ask("subscriptions", "pause", "joe")
    assert said.code == 74
    assert "newer version" in said.err
    said = ask("subscriptions", "list")
    assert said.code == 0
    assert said.err.startswith("warning: ")
    assert "  unknown " in said.out.splitlines()[1]


def test_removing_a_file(world: World, folder: Path, ask: Asker) -> None:
    path = folder / "joe.toml"
    said = ask("subscriptions", "remove", "joe")
    assert (said.code, said.err) == (2, "watcher: there is nobody to ask here; --yes agrees\n")
    place = ("--config", str(world.config_path))
    with Terminal("subscriptions", "remove", "joe", *place, env={}) as terminal:
        terminal.answer(f"Delete {path}? [y/N] ", "n")
        assert terminal.end() == 1
        assert terminal.screen.endswith("watcher: nothing was changed\n")
    assert path.exists()
    with Terminal("subscriptions", "remove", "joe", *place, env={}) as terminal:
        terminal.answer(f"Delete {path}? [y/N] ", "yes")
        assert terminal.end() == 0
        assert f"{path} is deleted. A running daemon takes that up" in terminal.screen
    assert not path.exists()
    path.write_text("to = 7\n")
    said = ask("subscriptions", "remove", "joe", "--yes", "--json")
    assert (said.code, said.json) == (0, {"deleted": str(path)})


def test_what_shares_its_file_is_not_removed_but_its_lines_are_told(
    world: World, folder: Path, ask: Asker
) -> None:
    lines = world.config_path.read_text().splitlines()
    first, last = lines.index('name = "others"'), lines.index('all = ["nets"]') + 1
    said = ask("subscriptions", "remove", "others", "--yes")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"watcher: others stands in {world.config_path}: delete lines {first} to {last} there.\n"
        "watcher: `watcher subscriptions pause others` holds it back without that.\n"
    )
    two = folder / "two.toml"
    two.write_text(
        '[[subscriptions]]\nname = "a"\nto = "a@example.org"\n'
        '\n[[subscriptions]]\nname = "b"\nto = "b@example.org"\n'
    )
    said = ask("subscriptions", "remove", "b", "--yes")
    assert said.err.splitlines()[0] == (
        f"watcher: two/b stands in {two}, which holds two/a too: delete lines 5 to 7 there."
    )
    assert two.exists()


def test_a_file_that_may_not_be_deleted(world: World, folder: Path, ask: Asker) -> None:
    path = folder / "joe.toml"
    path.unlink()
    said = ask("subscriptions", "remove", "joe", "--yes")
    assert said.code == 2
    assert said.err.startswith("watcher: no subscription is called joe")


RENAMED = AT_EIGHT.replace('"weights"', '"hypernets"')


def renamed_world(world: World) -> None:
    """One digest was sent; then the subscription was given another name."""
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    world.later(hours=2)
    run_pass(world)
    assert len(world.digests()) == 1
    world.configure(DAILY, RENAMED)


def test_a_renamed_one_keeps_its_history(world: World, ask: Asker) -> None:
    renamed_world(world)
    run_pass(world)
    assert known(world)["hypernets"].renamed_from == "weights"
    assert ask("subscriptions", "show", "hypernets").out.endswith(
        "  standing  held: it looks like weights under a new name. `watcher rename weights"
        " hypernets` keeps the history, `watcher subscriptions resume hypernets` starts anew\n"
    )
    with app.writing(world.config(), "run", world.now):  # a daemon is at work
        said = ask("rename", "weights", "hypernets")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "hypernets goes on from where weights was: what that one got is not mailed again\n"
    )
    fill(world, 2)
    world.later(days=1)
    run_pass(world)
    assert [len(mail.paper_ids) for mail in world.digests()] == [1, 1]
    assert world.digests()[0].paper_ids != world.digests()[1].paper_ids


def test_renaming_before_the_daemon_has_seen_it(world: World, ask: Asker) -> None:
    renamed_world(world)
    said = ask("rename", "weights", "hypernets", "--json")
    assert (said.code, said.json) == (0, {"old": "weights", "new": "hypernets"})
    world.later(days=1)
    run_pass(world)
    assert len(world.digests()) == 1


def test_what_waited_under_the_old_name_still_comes(world: World, ask: Asker) -> None:
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    assert states(world, "weights") == [MatchState.PENDING]
    world.configure(DAILY, RENAMED)
    assert ask("rename", "weights", "hypernets").code == 0
    world.later(hours=2)
    run_pass(world)
    assert [len(mail.paper_ids) for mail in world.digests()] == [1]


def test_one_held_as_renamed_can_start_anew(world: World, ask: Asker) -> None:
    renamed_world(world)
    run_pass(world)
    said = ask("subscriptions", "resume", "hypernets")
    assert said.out == (
        "hypernets goes on: what waits is in its next digest\n"
        "  as new: the history of weights is not its own\n"
    )
    world.later(days=1)
    run_pass(world)
    assert len(world.digests()) == 2
    said = ask("rename", "weights", "hypernets")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "watcher: hypernets was sent digests of its own: two histories cannot be made one."
        " `watcher subscriptions resume hypernets` lets it go on with its own\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("weights", "hypernet", "no subscription is called hypernet; did you mean hypernets?"),
        ("weigths", "hypernets", "no former subscription is called weigths; did you mean weights?"),
        (
            "hypernets",
            "hypernets",
            "hypernets is still in the configuration; rename it there first",
        ),
    ],
)
def test_renaming_what_is_not_there(
    old: str, new: str, complaint: str, world: World, ask: Asker
) -> None:
    renamed_world(world)
    said = ask("rename", old, new)
    assert (said.code, said.err) == (2, f"watcher: {complaint}\n")
    assert json.loads(known(world)["weights"].definition)["name"] == "weights"


def queued_and_pending(world: World) -> None:
    """A digest that the server put off and a paper that waits; then another name."""
    world.configure(DAILY, AT_EIGHT)
    fill(world, 1)
    run_pass(world)
    world.later(hours=2)
    world.smtp.fail("rcpt", "451 later", recipient="ada@example.org")
    run_pass(world)
    fill(world, 2)
    run_pass(world)
    world.smtp.heal()
    world.configure(DAILY, RENAMED)


def test_what_waits_while_a_rename_is_unsettled_is_not_lost(world: World, ask: Asker) -> None:
    queued_and_pending(world)
    world.later(minutes=1)
    world.site.papers[:] = world.site.papers[:1]  # the page does not show them any more
    run_pass(world)
    assert known(world)["hypernets"].renamed_from == "weights"
    assert ask("rename", "weights", "hypernets").code == 0
    world.later(days=1)
    run_pass(world)
    assert sorted(len(mail.paper_ids) for mail in world.digests()) == [1, 1]


def test_starting_anew_drops_what_waits_under_the_old_name(world: World, ask: Asker) -> None:
    queued_and_pending(world)
    world.smtp.fail("rcpt", "451 later", recipient="ada@example.org")
    run_pass(world)
    assert ask("subscriptions", "resume", "hypernets").code == 0
    world.smtp.heal()
    world.later(days=1)
    run_pass(world)
    assert states(world, "weights") == [MatchState.COMPOSED, MatchState.WITHDRAWN]
    assert [len(mail.paper_ids) for mail in world.digests()] == [2]
