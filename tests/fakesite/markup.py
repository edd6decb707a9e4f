"""Pages in the structure of the site: escaped hydration JSON, and the same papers as markup."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from html import escape
from typing import Literal

from tests.fakesite.papers import Json, SitePaper

Layout = Literal["card", "trending", "search"]

CHALLENGE = (
    "<html><head><script>window.awsWafCookieDomainList = [];</script></head>"
    "<body><div id='challenge-container'></div></body></html>"
)

_HEAD = """<!doctype html><html class=""><head><meta charset="utf-8"/>\
<meta property="og:title" content="{title} - Hugging Face"/>\
<link rel="stylesheet" href="/front/build/kube-8fccf39/style.css"/>\
<title>{title} - Hugging Face</title><script>window.requestId = "{request_id}";</script>\
<script type="text/javascript" src="https://de5282c3ca0c.edge.sdk.awswaf.com/de5282c3ca0c/\
526cf06acb0d/challenge.js" defer></script></head>
<body class="flex flex-col min-h-dvh bg-white DailyPapersPage">\
<div class="flex min-h-dvh flex-col">\
<div class="SVELTE_HYDRATER contents" data-target="DeviceProvider" data-props="{{}}"></div>\
<div class="SVELTE_HYDRATER contents" data-target="MainHeader"\
 data-props="{{&quot;classNames&quot;:&quot;&quot;}}">\
<header><a href="/papers">Daily Papers</a></header></div><main class="flex flex-1 flex-col">\
<div class="SVELTE_HYDRATER contents" data-target="DailyPapersBannerSubscribe"\
 data-props="{{&quot;isLoggedIn&quot;:false}}">\
<div>new</div><p>Get trending papers in your email inbox once a day!</p>\
<a href="/login?next=%2Fpapers">Subscribe</a></div>"""

_SECTION = """<section class="container"><h1>{title}</h1>\
<h2>by<a href="/akhaliq"><img src="/front/assets/papers-by.png"/> AK</a>\
 and the research community</h2><ul><li>Daily</li><li>Weekly</li><li>Monthly</li></ul>\
<div>{heading}</div><div class="grid">{cards}</div></section>"""


def page(
    papers: Sequence[SitePaper],
    props: Json,
    *,
    layout: Layout,
    heading: str,
    now: dt.datetime,
    without_json: bool = False,
    request_id: str = "Root=1-6ac5d2fa",
) -> str:
    """A whole page; `props` is the hydration JSON that goes with it."""
    title = "Trending Papers" if layout == "trending" else "Daily Papers"
    attribute = "" if without_json else f' data-props="{_attribute(props)}"'
    draw = {"card": _card, "trending": _trending_card, "search": _search_card}[layout]
    cards = "".join(draw(paper, now) for paper in papers)
    return (
        _HEAD.format(title=title, request_id=request_id)
        + f'<div class="SVELTE_HYDRATER contents" data-target="DailyPapers"{attribute}>'
        + _SECTION.format(title=title, heading=escape(heading), cards=cards)
        + "</div></main></div></body></html>"
    )


def short_number(count: int) -> str:
    """As the site writes stars: `131`, `1.66k`, `110k`."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.3g}k"


def _attribute(props: Json) -> str:
    text = json.dumps(props, ensure_ascii=False, separators=(",", ":"))
    return escape(text, quote=True).replace("&#x27;", "&#39;")


def _people(paper: SitePaper) -> str:
    if paper.organization:
        name, fullname = (escape(part) for part in paper.organization)
        return (
            f'<a href="/{name}" class="inline-flex min-w-0">'
            f'<img src="x.png" alt="{name}" class="size-3 rounded-sm"/> '
            f'<span class="block min-w-0 truncate font-medium">{fullname}</span></a>'
        )
    return _authors(paper)


def _authors(paper: SitePaper) -> str:
    named = "".join(
        f'<li title="{escape(name)}"><img alt="" src="/avatars/x.svg"/></li>'
        for name in paper.authors[:5]
    )
    return (
        f'<ul class="flex items-center flex-row-reverse">{named}<li class="text-xs">'
        f'<div class="px-2"> · {len(paper.authors)} authors</div></li></ul>'
    )


def _comments(paper: SitePaper) -> str:
    if not paper.comments:
        return ""
    return (
        f'<a href="/papers/{paper.id}#community" class="flex items-center gap-1">'
        f"<svg></svg>{paper.comments}</a>"
    )


def _vote_box(paper: SitePaper, now: dt.datetime) -> str:
    return (
        f'<a href="/login?next=%2Fpapers%2F{paper.id}" class="self-start">'
        '<div role="checkbox" class="shadow-alternate flex">'
        '<input disabled="" type="checkbox" class="peer hidden"/>'
        '<svg viewBox="0 0 12 12"><path d="M5.19 2.67"></path></svg>'
        f'<div class="leading-none">{paper.votes(now) or "-"}</div></div></a>'
    )


def _thumbnail(paper: SitePaper) -> str:
    return f"https://cdn-thumbnails.huggingface.co/social-thumbnails/papers/{paper.id}.png"


def _card(paper: SitePaper, now: dt.datetime) -> str:
    stars = ""
    if paper.stars is not None:
        stars = (
            f'<a href="/papers/{paper.id}" class="flex items-center"><svg></svg>'
            f"<span>{short_number(paper.stars)}</span></a>"
        )
    return (
        '<article class="relative flex flex-col overflow-hidden rounded-xl border">'
        f'<a href="/papers/{paper.id}" class="shadow-alternate-sm peer relative block h-56 w-full">'
        f'<img src="{_thumbnail(paper)}" loading="lazy" decoding="async" alt=""/></a>'
        '<div class="shadow-xs pointer-events-none absolute">Submitted by '
        f'<div class="flex-none"><img alt="" src="/avatars/x.svg"/></div> {paper.submitter}</div>'
        '<div class="from-gray-50-to-white -mt-1 flex rounded-xl">'
        f'<div class="flex">{_vote_box(paper, now)}</div>'
        '<div class="w-full"><h3 class="mb-1 text-lg font-semibold">'
        f'<a href="/papers/{paper.id}" class="line-clamp-3 cursor-pointer text-balance">'
        f"{escape(paper.title, quote=False)}</a></h3>"
        f'<div class="flex">{_people(paper)}{stars}{_comments(paper)}</div></div></div></article>'
    )


def _trending_card(paper: SitePaper, now: dt.datetime) -> str:
    text = paper.ai_summary if paper.has_ai(now) and paper.ai_summary else paper.abstract
    date = f"{paper.published_at:%b} {paper.published_at.day}, {paper.published_at.year}"
    code = ""
    if paper.repo_url:
        stars = ""
        if paper.stars is not None:
            stars = (
                ' <span class="flex items-center text-xs"><svg></svg> '
                f"<span>{short_number(paper.stars)}</span></span>"
            )
        code = (
            f'<a href="{escape(paper.repo_url)}" target="_blank" rel="noopener noreferrer"'
            f' class="btn"><svg></svg><span>GitHub</span>{stars}</a>'
        )

    def copy(classes: str, words: str) -> str:
        return (
            f'<div class="{classes}"><a href="/papers/{paper.id}" class="block h-48">'
            f'<img loading="lazy" src="{_thumbnail(paper)}" alt=""/></a>'
            f'<div>Submitted by <div><img alt=""/></div> {paper.submitter}</div>'
            '<div class="p-6"><h3 class="mb-1.5 text-xl font-semibold">'
            f'<a href="/papers/{paper.id}" class="line-clamp-2 cursor-pointer text-balance">'
            f'{escape(paper.title, quote=False)}</a></h3> <div class="mb-2">'
            f'<p class="line-clamp-2 text-sm text-gray-500">{escape(text, quote=False)}</p></div> '
            f'<div class="flex min-w-0 items-center text-sm">{_people(paper)} '
            f'<span class="mx-2">·</span> <span>{words}{date}</span></div></div><div class="w-40">'
            f'<a href="/login?next=%2Fpapers%2F{paper.id}" class="self-start">'
            '<div role="checkbox"><input disabled="" type="checkbox"/><svg></svg> Upvote '
            f'<div class="font-semibold text-orange-500">{paper.votes(now) or "-"}</div></div></a>'
            f'{code}<a href="https://arxiv.org/abs/{paper.id}" target="_blank"'
            ' rel="noopener noreferrer" class="btn"><svg></svg> <span>arXiv Page</span></a>'
            "</div></div>"
        )

    return (
        '<article class="overflow-hidden rounded-xl border">'
        + copy("hidden md:flex", "Published on ")
        + " "
        + copy("flex flex-col md:hidden", "")
        + "</article>"
    )


def _search_card(paper: SitePaper, now: dt.datetime) -> str:
    at = paper.published_at
    year = "" if at.year == now.year else f", {at.year}"
    return (
        '<article class="relative flex"><div class="w-full">'
        f'<div class="flex">{_vote_box(paper, now)}'
        '<h3 class="mb-1 text-xl font-semibold">'
        f'<a href="/papers/{paper.id}" class="line-clamp-3 cursor-pointer text-balance">'
        f"{escape(paper.title, quote=False)}</a></h3></div>"
        f'<a href="/papers/{paper.id}"><p class="text-gray-700">'
        f"{escape(paper.abstract, quote=False)}</p></a>"
        f'<div class="flex items-center"><a href="/papers/{paper.id}">{_authors(paper)}</a>'
        '<div class="mx-1">·</div>'
        f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%b} {at.day}{year}</time>'
        f"{_comments(paper)}</div></div></article>"
    )
