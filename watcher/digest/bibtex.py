"""Papers as BibTeX, in ASCII wherever LaTeX has a name for a character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from pylatexenc.latexencode import (  # type: ignore[import-untyped]  # has no stubs
    RULE_DICT,
    UnicodeToLatexConversionRule,
    UnicodeToLatexEncoder,
)

from watcher.digest.latex import readable
from watcher.digest.text import clean
from watcher.models import Author, Paper

# BibTeX counts braces even where they are escaped.
_BRACES = {ord("{"): r"\textbraceleft", ord("}"): r"\textbraceright"}
_ENCODER = UnicodeToLatexEncoder(
    conversion_rules=[UnicodeToLatexConversionRule(RULE_DICT, _BRACES), "defaults"],
    replacement_latex_protection="braces-all",
    unknown_char_policy="keep",
    unknown_char_warning=False,
)
_SMALL_WORDS = frozenset(("a", "an", "the", "on", "of", "in", "for", "to", "and", "with", "from"))
_WORD = re.compile(r"[a-z0-9]+")
_ARXIV_YEAR = re.compile(r"(\d\d)\d\d\.\d{4,5}")
_OF_NAMES = re.compile(r",|\s(?i:and)\s|^(?i:and)\s|\s(?i:and)$|^(?i:others|and)$")


def bibliography(papers: Iterable[Paper]) -> str:
    """An `@misc` for each paper, as arXiv cites its own; no two have the same key."""
    written: dict[str, str] = {}
    for paper in papers:
        key = _key(paper)
        if key in written:
            key = f"{key}-{_ascii(paper.id)}"
        written[key] = _cited(key, paper)
    return "\n".join(written.values())


def _cited(key: str, paper: Paper) -> str:
    fields = "".join(f",\n  {name} = {{{text}}}" for name, text in _fields(paper) if text)
    return f"@misc{{{key}{fields}\n}}\n"


def _fields(paper: Paper) -> Iterator[tuple[str, str]]:
    yield "title", f"{{{_latex(paper.title) or _latex(paper.id)}}}"  # case is the paper's own
    yield "author", _authors(paper)
    yield "year", _year(paper)
    yield "eprint", _latex(paper.id)
    yield "archiveprefix", "arXiv"
    yield "url", f"https://arxiv.org/abs/{_ascii(paper.id)}"


def _authors(paper: Paper) -> str:
    known = [author for author in paper.authors or () if not author.is_hidden]
    names = [name for author in known if (name := _name(author))]
    if names and (paper.author_count or 0) > len(paper.authors or ()):
        names.append("others")
    return " and ".join(names)


def _name(author: Author) -> str:
    name = clean(readable(author.name))
    # Else it would be cut into several people, or into a family name and what goes before it.
    return f"{{{_latex(name)}}}" if _OF_NAMES.search(name) else _latex(name)


def _year(paper: Paper) -> str:
    if paper.published_at is not None:
        return str(paper.published_at.year)
    found = _ARXIV_YEAR.fullmatch(paper.id)
    return f"20{found[1]}" if found else ""


def _key(paper: Paper) -> str:
    """As arXiv makes it: family name, year, first word of the title."""
    authors = [author for author in paper.authors or () if not author.is_hidden]
    family = _words(authors[0].name)[-1:] if authors else []
    title = [word for word in _words(paper.title) if word not in _SMALL_WORDS][:1]
    return "".join((*family, _year(paper), *title)) if family and title else _ascii(paper.id)


def _words(text: str) -> list[str]:
    letters = unicodedata.normalize("NFKD", clean(readable(text)))
    return _WORD.findall(letters.encode("ascii", "ignore").decode("ascii").lower())


def _ascii(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.:/-]", "", clean(text)) or "paper"


def _latex(text: str) -> str:
    return str(_ENCODER.unicode_to_latex(clean(readable(text))))
