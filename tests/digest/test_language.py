"""Digests in the languages of their readers."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from tests.digest.builders import NOW, PAPER, chosen, content
from tests.digest.html import parsed, shown
from watcher.digest import dates, render_digest
from watcher.digest.language import CATALOGUES, ENGLISH, TAGS, language
from watcher.errors import RenderError
from watcher.models import Author, DigestContent, Failure, Hit, Outage, Reason, VoteCount
from watcher.settings.values import LANGUAGES

ROOT = Path(__file__).parents[2]
DAY = dt.timedelta(days=1)
OTHERS = [code for code in TAGS if code != "en"]
OURS = re.compile(r"%\(\w+\)s")
FOREIGN = {"arXiv", "PDF", "Hugging", "Face", "Europe", "Paris", "https", "huggingface"}
"""What stays in Latin letters in any language."""


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> set[object]:
    """The messages that stand in the code and the templates."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    [arguments] = re.findall(r"^EXTRACT := (.*)$", makefile, re.MULTILINE)
    pybabel = Path(sys.executable).parent / "pybabel"
    made = tmp_path_factory.mktemp("messages") / "digest.pot"
    extract = [pybabel, "-q", "extract", *arguments.split(), "-o", made, "."]
    subprocess.run(extract, cwd=ROOT, check=True)
    with made.open("rb") as file:
        return {message.id for message in read_po(file) if message.id}


def catalogue(code: str) -> Catalog:
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        return read_po(file, locale=code)


def full(code: str) -> DigestContent:
    """A digest with all that it can say, whose papers and rules have no Latin letters."""
    hits = (
        Hit("any", "1", "keywords", ("1",)),
        Hit("all", "2", "abstract", ("2",)),
        Hit("authors", "3", "authors", ("3",)),
        Hit("organizations", "4", "organization", ("4",)),
        Hit("min_upvotes", "20", "upvotes"),
        Hit("min_upvotes_per_day", "1.5", "upvotes", ("2.5",)),
        Hit("min_stars", "5", "star_count"),
        Hit("has_code", "true", "code_url"),
    )
    words = Hit("any", "*", "abstract", tuple(f"{n}" for n in range(20)))
    paper = replace(
        PAPER,
        id="2602.00001",
        title="1 2 3",
        abstract="2 4 6. " * 90,
        authors=tuple(Author(f"{n}") for n in range(9)),
        organization=None,
        code_url="https://1.2",
        project_url="https://3.4",
    )
    votes = (VoteCount(1, NOW - 3 * DAY), VoteCount(2000, NOW))
    papers = [
        chosen(Reason("1", hits), paper=paper),
        chosen(
            Reason("2", hits, ("min_upvotes", "min_upvotes_per_day", "min_stars", "has_code")),
            paper=replace(paper, id="2602.00002", authors=None, author_count=9),
        ),
        chosen(Reason("", (words,)), paper=replace(paper, id="2602.00003")),
        chosen(Reason("4", is_incomplete=True), paper=replace(paper, id="2602.00004")),
        chosen(
            Reason("5", is_incomplete=True), paper=replace(paper, id="2602.00005", abstract=None)
        ),
        chosen(Reason("6"), paper=replace(paper, id="2602.00006")),
        *(
            chosen(Reason("7"), paper=replace(paper, id=f"2603.{n:05}", title=f"{n} " * 99))
            for n in range(700)
        ),
    ]
    return content(
        *(
            replace(one, votes=votes, backfill_days=7, more_url="https://5", not_url="https://6")
            for one in papers
        ),
        subscription="0",
        language=code,
        max_papers=6,
        unsubscribe="1@2",
        manage_url="https://3",
        archive_url="https://4",
        outages=(
            *(Outage("8", NOW - 9 * DAY, NOW, unit, 3) for unit in ("day", "week", "month")),
            *(Outage("9", NOW - 2 * DAY, NOW) for _ in range(20)),
        ),
        failures=(
            Failure("8", NOW - DAY, NOW),
            Failure("8", NOW - DAY, NOW, is_degraded=True),
            Failure("9", NOW - DAY),
            Failure("9", NOW - DAY, is_degraded=True),
        ),
    )


def test_each_language_of_the_configuration_has_its_words() -> None:
    assert list(TAGS) == list(LANGUAGES)
    assert sorted(path.stem for path in CATALOGUES.iterdir()) == sorted(OTHERS)


@pytest.mark.parametrize("code", OTHERS)
def test_no_word_is_missing_and_none_is_left_over(code: str, wanted: set[object]) -> None:
    found = catalogue(code)
    assert {message.id for message in found if message.id} == wanted
    assert not found.obsolete
    for message in found:
        string = message.string
        said = [string] if isinstance(string, str) else list(string or ())
        assert said, f"{message.id} is not translated"
        assert all(said), f"{message.id} is not translated"
        assert not message.fuzzy
        assert list(message.check(found)) == []
        if message.id and not message.pluralizable:
            assert sorted(OURS.findall(str(message.id))) == sorted(OURS.findall(said[0]))


@pytest.mark.parametrize("code", ["zh", "ja"])
def test_a_digest_has_no_word_of_another_language(code: str) -> None:
    rendered = render_digest(full(code))
    for text in (rendered.subject, rendered.text, shown(rendered.html)):
        told = re.sub(r"https?://\S+", "", text)
        assert {*re.findall(r"[A-Za-z]{2,}", told)} <= FOREIGN


@pytest.mark.parametrize("code", TAGS)
def test_everything_is_said_in_every_language(code: str) -> None:
    english, other = render_digest(full("en")), render_digest(full(code))
    for one, same in ((english.text, other.text), (shown(english.html), shown(other.html))):
        numbers = r"\d{4}\.\d{5}"
        assert re.findall(numbers, one) == re.findall(numbers, same)
        for unfilled in ("%(", "{{", "None"):
            assert unfilled not in same


@pytest.mark.parametrize(
    ("code", "subject"),
    [
        ("en", "weights: 2 new papers, Thu 19 Feb: Neural Metamorphosis, Planning"),
        ("fr", "weights : 2 nouveaux articles, jeu. 19 févr. : Neural Metamorphosis, Planning"),
        ("de", "weights: 2 neue Paper, Do., 19. Feb.: Neural Metamorphosis, Planning"),
        ("zh", "weights：2 篇新论文，2月19日周四：Neural Metamorphosis，Planning"),
        ("ja", "weights：新着論文2本、2月19日(木)：Neural Metamorphosis、Planning"),
    ],
)
def test_a_subject(code: str, subject: str) -> None:
    papers = (chosen(), chosen(id="2601.00003", title="Planning"))
    rendered = render_digest(content(*papers, language=code))
    assert rendered.subject.replace("\u00a0", " ") == subject


FRENCH = """\
weights, jeu. 19 févr. 2026
1 nouvel article : 1 poids ; 1 a atteint votre seuil de votes


poids (1)
----------------------------------------------------------------------------

 1. Neural Metamorphosis
    Xingyi Yang, Xinchao Wang
    National University of Singapore, 12 févr., 34 votes, 1,7 k étoiles

    This paper introduces a new learning paradigm. It builds on
    hypernetworks, which generate weights. Experiments show that it works.

    Pourquoi : poids : « hypernetworks »
               a atteint 20 votes
    Page de l’article : https://huggingface.co/papers/2410.11878
    arXiv :             https://arxiv.org/abs/2410.11878
    PDF :               https://arxiv.org/pdf/2410.11878
    Code :              https://github.com/Adamdad/neumeta
    Projet :            https://adamdad.github.io/neumeta/


----------------------------------------------------------------------------
Vous recevez ce message parce que votre adresse figure dans l’abonnement
« weights » : les articles sur Hugging Face qui répondent à ses règles,
chacun envoyé une seule fois.
Le prochain arrive le ven. 20 févr. 2026 à 08:00 (Europe/Paris), s’il y a du
nouveau.
Pour ne plus le recevoir, écrivez à papers@example.org.
daily : illisible du mar. 10 févr. à 08:00 au mer. 11 févr. à 08:00.
"""

JAPANESE = """\
weights、2026年2月19日(木)
新着論文1本：weights 1本


weights (1)
----------------------------------------------------------------------------

 1. Neural Metamorphosis
    Xingyi Yang、Xinchao Wang
    National University of Singapore、2月12日、34票、スター1,660

    This paper introduces a new learning paradigm. It builds on
    hypernetworks, which generate weights. Experiments show that it works.

    理由：weights：「hypernetworks」
    論文ページ：  https://huggingface.co/papers/2410.11878
    arXiv：       https://arxiv.org/abs/2410.11878
    PDF：         https://arxiv.org/pdf/2410.11878
    コード：      https://github.com/Adamdad/neumeta
    プロジェクト：https://adamdad.github.io/neumeta/


----------------------------------------------------------------------------
このメールは、あなたのアドレスが購読「weights」に登録されているためお送りし
ています。Hugging Face の論文のうち、ルールに合うものを1本につき一度だけお届
けします。
次回は2026年2月20日(金) 08:00（Europe/Paris）、新着があればお送りします。
配信停止は papers@example.org までメールでご連絡ください。
"""


def test_a_french_text_reads_well() -> None:
    votes = Hit("min_upvotes", "20", "upvotes")
    found = Hit("any", "hypernetwork*", "abstract", ("hypernetworks",))
    reason = Reason("poids", (found, votes), ("min_upvotes",))
    failures = (Failure("daily", NOW - 9 * DAY, NOW - 8 * DAY),)
    rendered = render_digest(content(chosen(reason), language="fr", failures=failures))
    assert rendered.text.replace("\u00a0", " ").replace("\u202f", " ") == FRENCH


def test_a_japanese_text_reads_well() -> None:
    found = Hit("any", "hypernetwork*", "abstract", ("hypernetworks",))
    rendered = render_digest(content(chosen(Reason("weights", (found,))), language="ja"))
    assert rendered.text == JAPANESE


@pytest.mark.parametrize(
    ("code", "short", "instant", "published"),
    [
        ("en", "Thu 19 Feb", "Thu 19 Feb 2026, 08:05 Europe/Paris", "31 Dec 2025"),
        ("fr", "jeu. 19 févr.", "jeu. 19 févr. 2026 à 08:05 (Europe/Paris)", "31 déc. 2025"),
        ("de", "Do., 19. Feb.", "Do., 19. Feb. 2026, 08:05 Uhr (Europe/Paris)", "31. Dez. 2025"),
        ("zh", "2月19日周四", "2026年2月19日周四 08:05（Europe/Paris）", "2025年12月31日"),
        ("ja", "2月19日(木)", "2026年2月19日(木) 08:05（Europe/Paris）", "2025年12月31日"),
    ],
)
def test_dates(code: str, short: str, instant: str, published: str) -> None:
    tz, words, today = ZoneInfo("Europe/Paris"), language(code), dt.date(2026, 2, 19)
    assert dates.short_day(today, words) == short
    assert dates.instant(dt.datetime(2026, 2, 19, 7, 5, tzinfo=dt.UTC), tz, words) == instant
    eve = dt.datetime(2025, 12, 31, tzinfo=dt.UTC)
    assert dates.published(eve, tz, today, words) == published


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        *((0, "0"), (1, "1"), (999, "999"), (1000, "1K"), (1660, "1.7K"), (19_949, "19.9K")),
        *((99_950, "100K"), (110_000, "110K"), (999_499, "999.5K"), (1_250_000, "1.2M")),
    ],
)
def test_counts_stay_short(count: int, shown: str) -> None:
    assert ENGLISH.compact(count) == shown


def test_counts_in_each_language() -> None:
    counted = [language(code).compact(12_345) for code in TAGS]
    assert [text.replace("\u00a0", " ") for text in counted] == [
        *("12.3K", "12,3 k", "12.345", "1.2万", "1.2万")
    ]


def test_a_language_there_is_not_is_explained() -> None:
    with pytest.raises(RenderError, match="no language 'it'; those there are: en, fr, de, zh, ja"):
        render_digest(content(chosen(), language="it"))


@pytest.mark.parametrize("code", TAGS)
def test_programs_are_told_which_language_is_spoken_where(code: str) -> None:
    page = parsed(render_digest(content(chosen(), language=code)).html)
    [html], [title] = page.css("html"), page.css("h3")
    assert html.attributes["lang"] == TAGS[code]
    assert title.attributes.get("lang") == (None if code == "en" else "en")
