"""Pages and their mails in the languages of their readers.

The tour takes some seconds: it is days, with passes of the whole program.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.documents import CHECKOUT
from tests.web_face.browsing import asking_mail, link_in, pages_of
from tests.web_face.touring import EVE, tour
from tests.world import World
from watcher.backtest import RuleWarning
from watcher.backtest.trial import Word
from watcher.digest import language as digests
from watcher.digest.language import TAGS, language
from watcher.rules import describe
from watcher.settings import RuleSettings, parse_cadence
from watcher.settings.values import LANGUAGES
from watcher.web import wish
from watcher.web.sentences import described, times, warned
from watcher.web.tongues import CATALOGUES, LONGEST_HEADER, tongue, wanted

OTHERS = [code for code in TAGS if code != "en"]
FACTS = re.compile(r"%\(\w+\)s|</?\w+[^>]*>")
NAMES = {
    *("Hugging", "Face", "arXiv", "PDF", "Atom", "JSON", "Feed", "TOML", "UTC", "cron"),
    *(
        "paper",
        "papers",
        "watcher",
        "LoRA",
        "diffusion",
        "eve",
        "example",
        "org",
        "trending",
        "daily",
    ),
}
"""What stays in Latin letters in any language."""


@pytest.fixture(scope="module")
def phrases(tmp_path_factory: pytest.TempPathFactory) -> set[object]:
    """The messages that stand in the code of the pages and in their templates."""
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    [own] = re.findall(r"^EXTRACT_WEB := (.*) \$\(wordlist 3,99,\$\(EXTRACT\)\)$", makefile, re.M)
    [all_of] = re.findall(r"^EXTRACT := (.*)$", makefile, re.M)
    made = tmp_path_factory.mktemp("messages") / "web.pot"
    pybabel = Path(sys.executable).parent / "pybabel"
    extract = [pybabel, "-q", "extract", *own.split(), *all_of.split()[2:], "-o", made, "."]
    done = subprocess.run(extract, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    assert not done.stderr, "nothing that looks like a phrase is passed over"
    with made.open("rb") as file:
        return {message.id for message in read_po(file) if message.id}


def catalogue(directory: Path, code: str) -> Catalog:
    with (directory / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def said(catalog: Catalog, message_id: object) -> list[str]:
    message = catalog.get(message_id)  # type: ignore[arg-type]  # of one or of two
    string = message.string if message else ""
    return [string] if isinstance(string, str) else list(string or ())


@pytest.mark.parametrize("code", OTHERS)
def test_no_phrase_is_missing_and_none_is_left_over(code: str, phrases: set[object]) -> None:
    found, digest = catalogue(CATALOGUES, code), catalogue(digests.CATALOGUES, code)
    assert {message.id for message in found if message.id} == phrases
    assert not found.obsolete
    for message in found:
        words = said(found, message.id) if message.id else ["-"]
        assert words, f"{message.id} is not translated"
        assert all(words), f"{message.id} is not translated"
        assert not message.fuzzy
        assert list(message.check(found)) == []
        if message.id and not message.pluralizable:
            assert sorted(FACTS.findall(str(message.id))) == sorted(FACTS.findall(words[0]))
        if message.id and digest.get(message.id):
            assert words == said(digest, message.id), f"{message.id} is said otherwise in digests"


def test_each_language_has_its_catalogue_and_can_be_chosen() -> None:
    assert sorted(path.stem for path in CATALOGUES.iterdir()) == sorted(OTHERS)
    assert list(wish.LANGUAGES) == list(LANGUAGES)


def latin(tree: LexborHTMLParser) -> set[str]:
    """Words in Latin letters to be read or heard, but for what is marked as of another language."""
    [own] = [node.attributes.get("lang") for node in tree.css("html")]
    for node in tree.css("style, code, #timezone option, [lang]"):
        if node.tag != "html" and node.attributes.get("lang") != own:
            node.decompose()
    assert tree.body is not None
    told = [tree.body.text(separator=" "), *map(_heard, tree.css("[aria-label], [title]"))]
    title = tree.css_first("title")
    told.append(title.text() if title else "")
    plain = re.sub(r"https?://\S+|\S+@\S+", "", " ".join(told))
    return {*re.findall(r"[A-Za-z]{2,}", plain)}


def _heard(node: LexborNode) -> str:
    return f"{node.attributes.get('aria-label') or ''} {node.attributes.get('title') or ''}"


async def test_in_japanese_no_page_has_a_word_of_another_language(world: World) -> None:
    went = await tour(world, "ja")
    left = {name: latin(page.tree) - NAMES for name, page in went.pages.items()}
    assert {name: words for name, words in left.items() if words} == {}
    assert {name for name, page in went.pages.items() if 'lang="ja"' not in page.text} == set()
    asked_for = {name for name, page in went.pages.items() if "vary" in page.headers}
    assert {"first", "preview", "search", "told", "broken"} <= asked_for
    assert not asked_for & {"confirm", "wish", "manage", "archived", "stop", "stopped"}
    for mail, subject in (
        (went.asking, "ご確認ください：論文メール配信"),
        (went.lost, "購読のリンク：論文メール配信"),
    ):
        assert (mail.recipient, mail.subject) == (EVE, subject)
        assert mail.header("Content-Language") == "ja"
        plain = re.sub(r"https?://\S+|\S+@\S+", "", mail.text)
        assert {*re.findall(r"[A-Za-z]{2,}", plain)} <= NAMES
        assert latin(LexborHTMLParser(mail.html)) <= NAMES


def test_a_page_speaks_what_its_subscription_does_else_what_is_asked_for(world: World) -> None:
    with pages_of(world) as browser:
        headers = browser.client.headers
        assert browser.get("/").tree.css_first("html[lang=en]")
        headers["Accept-Language"] = "it, fr;q=0.5, de;q=0.2"
        french = browser.get("/")
        assert french.heading == "De nouveaux articles, selon vos règles"
        assert french.headers["Vary"] == "Accept-Language"
        assert french.tree.css_first('#language option[value="fr"][selected]')
        headers["Accept-Language"] = "en-GB"
        assert browser.get("/").heading == "New papers, by your own rules", "one for each language"
        mail = asking_mail(world, browser, EVE, language="de")
        assert mail.subject == "Bitte bestätigen: Paper per Mail"
        mine = browser.press(browser.get(link_in(mail, "confirm")), "Ja, abonnieren")
        assert mine.heading == "Ihr Abonnement"
        never = browser.get(link_in(world.mails[-1], "never"))
        assert never.heading == "Never again?", "a link that is of no subscription"
        changed = browser.press(mine, "Speichern", language="zh")
        assert changed.heading == "您的订阅"
        assert 'language = "zh"' in browser.get(f"{mine.url.partition('?')[0]}/papers.toml").text
        refused = browser.press(changed, "保存", language="tlh")
        assert (refused.status, "请选择一种语言" in refused.words) == (422, True)


def test_who_says_nothing_is_told_in_the_operators_language(world: World) -> None:
    with pages_of(world, '\n[digest]\nlanguage = "fr"\n') as browser:
        page = browser.get("/")
        assert page.tree.css_first("html[lang=fr]")
        browser.client.headers["Accept-Language"] = "en"
        mail = asking_mail(world, browser, EVE, language="")
        assert mail.subject == "Please confirm: papers by mail", "as the page where it was asked"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        *(("", ""), ("*", ""), ("it", ""), ("de", "de"), ("DE-at", "de"), ("zh-Hant-TW", "zh")),
        *(("fr;q=0.3,de;q=0.8", "de"), ("fr , de", "fr"), ("ja;q=0", ""), ("ja;q=0.000,en", "en")),
        *(("de;q=2", ""), ("de;q=0.1234", ""), ("de;q=٠.٥", ""), ("de_AT", ""), ("de;level=1", "")),
        *(("english", ""), ("de;q=0.1,de-CH;q=0.9,fr;q=0.5", "de"), ("nonsense, ;;,fr", "fr")),
        ("de" + " " * LONGEST_HEADER, ""),
    ],
)
def test_what_a_browser_asks_for(header: str, code: str) -> None:
    assert wanted(header) == code


@given(st.text(max_size=100))
def test_whatever_it_asks_for_is_one_of_ours_or_none(header: str) -> None:
    assert wanted(header) in {"", *TAGS}


WHOLE = RuleSettings(
    any=("a", "b"),
    topics=("c",),
    all=("d", "e"),
    none=("f",),
    authors=("G",),
    organizations=("H", "I"),
    fields=("title", "abstract"),
    min_upvotes=2,
    min_upvotes_per_day=1.5,
    min_stars=1,
    has_code=True,
)


GERMAN = (
    "a oder b oder das Thema c erwähnt UND d und e erwähnt UND von G ist UND bei H oder I"
    " entstanden ist UND mindestens 2 Stimmen hat UND mindestens 1,5 Stimmen pro Tag"
    " gewonnen hat UND mindestens 1 Stern hat UND Code hat und nie f erwähnt"
    " (nur in Titel und Abstract gesucht)"
)


def test_a_rule_is_told_whole() -> None:
    assert described(WHOLE, tongue("de")) == GERMAN
    assert described(WHOLE, tongue("en")) == describe(WHOLE)
    assert described(RuleSettings(), tongue("fr")) == "est un article quelconque"


@pytest.mark.parametrize(
    ("cadence", "told"),
    [
        *(("each-check", "nach jeder Prüfung"), ("hourly", "jede Stunde")),
        *(("08:00", "täglich um 08:00 Uhr"), ("weekdays 08:00", "werktags um 08:00 Uhr")),
        ("weekly mon,thu 09:30", "jeden Montag und Donnerstag um 09:30 Uhr"),
        ("0 8 1 * *", "zu den Zeiten der Cron-Zeile 0 8 1 * *"),
    ],
)
def test_it_is_said_when_mails_come(cadence: str, told: str) -> None:
    assert times(parse_cadence(cadence), None, tongue("de")) == told


ANOTHER = (
    "„a“ ist nie der einzige Grund: Alle 2 Paper damit enthalten auch „b“ oder ein anderes Wort"
)


@pytest.mark.parametrize(
    ("warning", "told"),
    [
        (
            RuleWarning("dead", "", counts=(14, 2000)),
            "wirkungslos: nichts in 14 Tagen (2.000 Paper)",
        ),
        (RuleWarning("broad", "", counts=(40,)), "zu weit gefasst: 40\xa0% aller Paper"),
        (
            RuleWarning("removed", "", ("a",), (3, 4), (Word("none", "a"),)),
            "„a“ unter „Nie“ schließt 3 der gewünschten Paper aus (4 Paper insgesamt)",
        ),
        (
            RuleWarning("removed", "", ("a",), (3,), (Word("topics", "a"),)),
            "Was unter „Nie“ steht, schließt jedes Paper aus, das das Thema a findet (3)",
        ),
        (
            RuleWarning("redundant", "", ("a",), (2, 2), (Word("any", "a"), Word("any", "b"))),
            "„a“ ist nie der einzige Grund: Alle 2 Paper damit enthalten auch „b“",
        ),
        (
            RuleWarning("redundant", "", ("a",), (2, 1), (Word("any", "a"), Word("any", "b"))),
            ANOTHER,
        ),
    ],
)
def test_what_looks_wrong_with_a_rule(warning: RuleWarning, told: str) -> None:
    assert warned(warning, tongue("de")) == told


def test_pages_have_the_words_of_digests_where_they_have_none() -> None:
    for code in TAGS:
        for phrase in ("Why", "has code", "every paper"):
            assert tongue(code).say(phrase) == language(code).say(phrase)
