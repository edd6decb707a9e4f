"""Papers and digests to write out, plain and hostile."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import strategies as st

from watcher.models import (
    Author,
    DigestContent,
    DigestPaper,
    Failure,
    Hit,
    Organization,
    Outage,
    Paper,
    Reason,
    Rendered,
)

NOW = dt.datetime(2026, 2, 19, 7, 0, tzinfo=dt.UTC)

PAPER = Paper(
    id="2410.11878",
    title="Neural Metamorphosis",
    abstract="This paper introduces a new learning paradigm. It builds on hypernetworks, which "
    "generate weights. Experiments show that it works.",
    authors=(Author("Xingyi Yang"), Author("Xinchao Wang")),
    author_count=2,
    organization=Organization("nus", "National University of Singapore"),
    published_at=dt.datetime(2026, 2, 12, 17, 59, tzinfo=dt.UTC),
    upvotes=34,
    star_count=1660,
    code_url="https://github.com/Adamdad/neumeta",
    project_url="https://adamdad.github.io/neumeta/",
    is_full=True,
)

IN_ABSTRACT = Hit("any", "hypernetwork*", "abstract", ("hypernetworks",))
WEIGHTS = Reason("weights as data", (IN_ABSTRACT,))
AGENTS = Reason("agents", (Hit("any", "planner", "abstract", ("planner",)),))


def chosen(
    *reasons: Reason, at: dt.datetime = NOW, paper: Paper = PAPER, **facts: object
) -> DigestPaper:
    """A paper with changed facts and its reasons."""
    changed = replace(paper, **facts)  # type: ignore[arg-type]  # names and types of a Paper
    return DigestPaper(changed, reasons or (WEIGHTS,), at)


def content(*papers: DigestPaper, **facts: object) -> DigestContent:
    """A digest of these papers."""
    plain = DigestContent(
        subscription="weights",
        papers=papers,
        composed_at=NOW,
        timezone="Europe/Paris",
        max_papers=30,
        next_slot_at=NOW + dt.timedelta(days=1),
        unsubscribe="papers@example.org",
    )
    return replace(plain, **facts)  # type: ignore[arg-type]  # names and types of a DigestContent


RENDERED = Rendered("weights: 1 new paper", "Text\n", "<p>HTML</p>\n")

NASTY = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title></table><iframe src=//evil.example>",
    "<!--",
    "-->",
    "]]>",
    "<mark>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "&lt;b&gt; &#x3c;script&#x3e;",
    "\r\nBcc: eve@example.org",
    "\n\n<p>",
    "\x00",
    "\x1b[31m",
    "\u2028",
    "\u2029Bcc: eve@example.org",
    "\u202egpj.exe",
    "\u2066\u2067\u2068",
    "\u2069",
    "\ud800",
    "\udfff",
    "\ufeff",
    "=?utf-8?q?=0D=0ABcc:_eve?=",
    "=?utf-8?b?PHNjcmlwdD4=?=",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,<script>",
    "https://user@evil.example",
    "https://evil.example/\r\nX: y",
    "//evil.example/x.png",
    "$x_{",
    "$$$$",
    "\\",
    "{" * 30,
    "\\textbf{",
    '\\"',
    "שלום",
    "مرحبا",
    "超网络",
    "\U0001f9e0\u200d\U0001f525",
    "a" + "\u0301" * 50,
    "w" * 300,
    "From me",
    ".",
    "=",
    "%s %d {0}",
    '<svg onload="alert(1)"><use href="//evil.example/x.svg#x">',
    "<math><mtext><table><mglyph><style><img src=//evil.example/m>",
    '<base href="//evil.example/">',
    '<meta http-equiv="refresh" content="0;url=//evil.example/">',
    '<link rel="stylesheet" href="//evil.example/x.css">',
    "<style>@import url(//evil.example/x.css);</style>",
    '<div style="background:url(//evil.example/x.png)">',
    "</td></tr></table></body></html>after the end",
    '<form action="//evil.example/"><input name=x><button>',
    "<object data=//evil.example/x><embed src=//evil.example/y>",
    '<video poster="//evil.example/p" src="//evil.example/v">',
    '<a href="//evil.example/" ping="//evil.example/p">here</a>',
    "<textarea><title><noscript><plaintext>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<!--[if mso]><img src=//evil.example/o><![endif]-->",
    "<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM '//evil.example'>]>",
    "&#60;script&#62; &amp;lt; &#x; &#1114112; &noSuch;",
    "{# a comment #} {% include '/etc/passwd' %} {{ self.__class__ }}",
    "\\input{/etc/passwd} \\write18{id} $\\def\\x{\\x}\\x$",
    "$" + "{" * 200 + "$",
    "\u200b\u200b\u2060\u00ad",
    "pаypal.com",
    "\U000e0041\U000e0042",
    "\u0f3c\u0489\u0488" * 9,
    "\ufdfd" * 9,
    "\r\n\r\n--=_\r\nContent-Type: text/html\r\n\r\n<script>",
    "=\r\n=3D=0D=0A.",
    "\t\x0b\x0c\x85",
    "http://[::1]:80\\@evil.example/",
    "https://huggingface.co\\.evil.example/papers/1",
    " ",
    "",
)

_characters = st.one_of(st.characters(), st.characters(categories=["Cc", "Cf", "Cs", "Zs", "Mn"]))
texts = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(_characters, max_size=20)), max_size=4
).map("".join)
urls = st.one_of(st.none(), texts, texts.map("https://example.org/".__add__))
times = st.datetimes(timezones=st.just(dt.UTC))
counts = st.one_of(st.none(), st.integers(0, 10**9))
authors = st.builds(Author, texts, is_hidden=st.booleans())
papers = st.builds(
    Paper,
    id=texts,
    title=texts,
    abstract=st.none() | texts,
    summary=st.none() | texts,
    authors=st.none() | st.lists(authors, max_size=10).map(tuple),
    author_count=counts,
    organization=st.none() | st.builds(Organization, texts, st.none() | texts),
    published_at=st.none() | times,
    upvotes=counts,
    star_count=counts,
    code_url=urls,
    project_url=urls,
)
_conditions = st.sampled_from(
    (
        *("any", "all", "topics", "authors", "organizations"),
        *("min_upvotes", "min_upvotes_per_day", "min_stars", "has_code"),
    )
)
hits = st.builds(
    Hit,
    _conditions,
    texts,
    st.sampled_from(("title", "abstract", "keywords")),
    st.lists(texts, max_size=3).map(tuple),
)
reasons = st.builds(
    Reason,
    texts,
    st.lists(hits, max_size=3).map(tuple),
    st.lists(_conditions | texts, max_size=2).map(tuple),
    st.booleans(),
)
digest_papers = st.builds(
    DigestPaper,
    papers,
    st.lists(reasons, max_size=3).map(tuple),
    times,
    backfill_days=st.none() | st.integers(0, 3650),
)
contents = st.builds(
    DigestContent,
    subscription=texts,
    papers=st.lists(digest_papers, max_size=4).map(tuple),
    composed_at=st.timedeltas(dt.timedelta(-9000), dt.timedelta(9000)).map(NOW.__add__),
    timezone=st.sampled_from(("UTC", "Asia/Tokyo", "America/New_York")),
    max_papers=st.integers(0, 5),
    next_slot_at=st.none() | st.just(NOW),
    outages=st.lists(st.builds(Outage, texts, st.just(NOW), st.just(NOW)), max_size=10).map(tuple),
    failures=st.lists(st.builds(Failure, texts, st.just(NOW)), max_size=10).map(tuple),
    language=st.sampled_from(("en", "fr", "de", "zh", "ja")),
    unsubscribe=texts,
    hub_url=st.sampled_from(("https://huggingface.co", "http://127.0.0.1:8000", "javascript:x")),
)
