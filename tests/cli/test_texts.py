"""What the rules say of a paper that is there as a text only."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.cli.looking import Asker, fill
from tests.world import DAILY, WEIGHTS, World
from watcher.cli.texts import parted

TEXT = """\
Growing Zorblaxes
in a Garden

We grow many of them.

And we survey them.
"""


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "garden.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_a_text_is_judged_by_all_rules_without_a_database(
    world: World, ask: Asker, text: Path
) -> None:
    popular = WEIGHTS.replace('"weights"', '"popular"') + "min_upvotes = 20\n"
    missed = WEIGHTS.replace('"weights"', '"missed"') + 'none = ["survey"]\n'
    world.configure(DAILY, WEIGHTS, popular, missed)
    said = ask("explain", "--text", str(text))
    assert said.code == 0
    assert said.out.startswith("Growing Zorblaxes in a Garden\n")
    assert f"read from {text}; " in said.out
    assert "votes and code are not known" in said.out
    assert "\nweights: a rule of it holds\n" in said.out
    assert "Zorblaxes in title" in said.out
    assert "\npopular: undecided: a rule of it asks for what the text does not tell\n" in said.out
    assert "votes not known yet" in said.out
    assert "\nmissed: no rule of it holds\n" in said.out
    assert "a near miss: one `none` word away: survey" in said.out
    assert "pending" not in said.out
    assert not list(world.state_dir.glob("*.db")), "nothing is written"


def test_what_a_text_does_not_mention_it_does_not_have(
    world: World, ask: Asker, text: Path
) -> None:
    world.configure(DAILY, WEIGHTS.replace("zorblax", "quux"))
    [story] = ask("explain", "--text", str(text), "--json").json["subscriptions"]
    [rule] = story["rules"]
    assert rule["verdict"] == "no match", "it waits for no keywords of the site"


def test_one_subscription_can_be_asked_about(world: World, ask: Asker, text: Path) -> None:
    world.configure(DAILY, WEIGHTS, WEIGHTS.replace('"weights"', '"other"'))
    said = ask("explain", "--text", str(text), "--subscription", "other", "--json")
    assert [one["id"] for one in said.json["subscriptions"]] == ["other"]
    said = ask("explain", "--text", str(text), "--subscription", "othr")
    assert said.code == 2
    assert "did you mean other?" in said.err


def test_json_is_of_the_shape_that_it_has_for_a_known_paper(
    world: World, ask: Asker, text: Path
) -> None:
    world.configure(DAILY, WEIGHTS)
    fill(world, 1)
    asyncio.run(_run_pass(world))
    known = ask("explain", "2602.00001", "--json").json
    told = ask("explain", "--text", str(text), "--json").json
    assert told.keys() == known.keys()
    assert told["paper"].keys() == known["paper"].keys()
    assert {name for name, value in told["paper"].items() if value} == {"title"}
    [story], [known_story] = told["subscriptions"], known["subscriptions"]
    assert story.keys() == known_story.keys()
    assert story["state"] is None
    assert story["sentence"] == "a rule of it holds"
    assert story["rules"][0]["conditions"][0]["found"][0]["words"] == ["Zorblaxes"]


async def _run_pass(world: World) -> None:
    await world.run_pass()


def test_the_last_good_rules_stand_in_for_a_broken_file(
    world: World, ask: Asker, text: Path
) -> None:
    world.configure(DAILY)
    path = world.config_path.parent / "subscriptions.d" / "ada.toml"
    path.parent.mkdir()
    path.write_text('[[subscriptions]]\nto = "ada@example.org"\nany = "zorblax"\n')
    fill(world, 1)
    asyncio.run(_run_pass(world))
    path.write_text("any = \n")
    said = ask("explain", "--text", str(text))
    assert said.code == 0
    assert "ada.toml" in said.err
    assert "ada: a rule of it holds" in said.out


def test_stdin_can_be_the_text(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("explain", "--text", "-", stdin=TEXT.encode())
    assert "read from stdin; " in said.out
    assert "weights: a rule of it holds" in said.out
    said = ask("explain", "--text", "-", stdin=b"")
    assert said.code == 2
    assert "stdin has no text" in said.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no text; give a title, an empty line and an abstract"),
        (b" \n\n\t\n", "has no text"),
        (b"Title:\n", "has no text"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "is not UTF-8; give the title and the abstract as plain"),
        ("Zorblax".encode("utf-16"), "is not UTF-8"),
        ("Zorblax".encode("utf-16-le"), "is not UTF-8"),
        ("é".encode() * 60_000, "has more than 100 KB; a title and an abstract will do"),
    ],
)
def test_what_is_no_text_of_a_paper_is_refused(
    world: World, ask: Asker, tmp_path: Path, content: bytes, message: str
) -> None:
    world.configure(DAILY, WEIGHTS)
    path = tmp_path / "garden.txt"
    path.write_bytes(content)
    said = ask("explain", "--text", str(path))
    assert said.code == 2
    assert f"{path} {message}" in said.err
    said = ask("explain", "--text", str(path), "--json")
    assert said.code == 2
    assert message in said.json["error"]


def test_a_file_that_cannot_be_read_says_why(world: World, ask: Asker, tmp_path: Path) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("explain", "--text", str(tmp_path / "none.txt"))
    assert said.code == 2
    assert "none.txt cannot be read: No such file or directory" in said.err
    said = ask("explain", "--text", str(tmp_path))
    assert said.code == 2
    assert f"{tmp_path} cannot be read: Is a directory" in said.err


def test_either_a_known_paper_is_meant_or_a_text(world: World, ask: Asker, text: Path) -> None:
    world.configure(DAILY, WEIGHTS)
    for arguments in ((), ("2602.00001", "--text", str(text))):
        said = ask("explain", *arguments)
        assert said.code == 2
        assert "name a paper that is known, or a file of another one with --text" in said.err


@pytest.mark.parametrize(
    ("text", "title", "abstract"),
    [
        ("A title", "A title", ""),
        ("A title\nAn abstract\nof two lines", "A title", "An abstract\nof two lines"),
        ("A\ntitle\n \nAn abstract\n\nof two", "A title", "An abstract\n\nof two"),
        ("A title\r\n\r\nAn abstract\r\n", "A title", "An abstract"),
        ("\nTitle: A title\nAbstract: An abstract", "A title", "An abstract"),
        ("TITLE:\nA\ntitle\nABSTRACT\n\nAn\n\nabstract", "A title", "An\n\nabstract"),
        ("A title\n\nAda Lovelace\n\nAbstract—We", "A title Ada Lovelace", "We"),
        ("Abstract: all in one\nline", "all in one", "line"),
        ("Abstract reasoning\nAbstract rules help", "Abstract reasoning", "Abstract rules help"),
        ("Titles: a study\n\nOn titles", "Titles: a study", "On titles"),
    ],
)
def test_a_text_falls_into_title_and_abstract(text: str, title: str, abstract: str) -> None:
    assert parted(text) == (title, abstract)


def test_a_hostile_text_stays_harmless(world: World, ask: Asker) -> None:
    world.configure(DAILY, WEIGHTS)
    said = ask("explain", "--text", "-", stdin=b"\xef\xbb\xbfZorblax \x1b[31mred\n\nNothing")
    assert said.out.startswith("Zorblax [31mred\n")
