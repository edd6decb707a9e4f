"""Tables: for people at a terminal, and plain text for pipes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.looking import fill
from tests.cli.terminal import Terminal
from tests.world import DAILY, WEIGHTS, World
from watcher.cli.tables import count, entry, line, paragraph, table

LONG = "a-name-of-somebody-" * 5


def test_a_pipe_gets_aligned_columns(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name", "papers"), [("a", "1"), (LONG, "22"), ("", "")])
    width = len(LONG)
    assert capsys.readouterr().out.splitlines() == [
        f"{'name':{width}}  papers",
        f"{'a':{width}}  1",
        f"{LONG}  22",
        "",
    ]
    table(("name",), [])
    table(("", ""), [("a", "b")])
    assert capsys.readouterr().out == "a  b\n"


def test_foreign_text_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    table(("name",), [("\x1b[31mred\x07\n\ud800[bold]x",)])
    line("\x1b]0;title\x07")
    assert capsys.readouterr().out.splitlines() == ["name", "[31mred [bold]x", "]0;title"]


def test_a_terminal_gets_whole_names(world: World) -> None:
    world.configure(DAILY, WEIGHTS.replace('"weights"', f'"{LONG}"'))
    fill(world)

    async def run() -> None:
        await world.run_pass()

    asyncio.run(run())
    place = ("--config", str(world.config_path), "--state-dir", str(world.state_dir))
    with Terminal("status", *place, env={"COLUMNS": "80"}) as terminal:
        assert terminal.end() == 1
    first_column = (row.split("  ")[0].strip() for row in terminal.screen.splitlines())
    assert LONG in "".join(first_column), terminal.screen


@pytest.mark.parametrize("is_colourless", [False, True])
def test_no_color_is_honoured(capsys: pytest.CaptureFixture[str], *, is_colourless: bool) -> None:
    env = {"FORCE_COLOR": "1", **({"NO_COLOR": "1"} if is_colourless else {})}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in env.items():
            patch.setenv(name, value)
        table(("name",), [("a",)])
    assert ("\x1b" in capsys.readouterr().out) is not is_colourless


def test_the_terminal_is_given_its_json_indented(world: World, tmp_path: Path) -> None:
    world.configure(DAILY, WEIGHTS)
    place = ("--config", str(world.config_path), "--state-dir", str(tmp_path))
    with Terminal("topics", "agents", "--json", *place, env={}) as terminal:
        assert terminal.end() == 0
    assert '\n    "name": "agents",' in terminal.screen


def test_off_a_terminal_no_line_is_broken_or_cut(capsys: pytest.CaptureFixture[str]) -> None:
    paragraph("A long\x1b sentence " * 20, "  ")
    entry("A title\nof two lines " * 20, "  + ")
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"  {'A long sentence ' * 20}".rstrip()
    assert second == f"  + {'A title of two lines ' * 20}".rstrip()


def test_counts_have_their_plurals() -> None:
    assert [count(number, "match", "matches") for number in (0, 1, 2)] == [
        "0 matches",
        "1 match",
        "2 matches",
    ]
    assert count(2, "paper") == "2 papers"
