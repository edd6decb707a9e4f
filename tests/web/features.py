"""What of HTML and CSS a page uses, by the names that caniemail.com has for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import tinycss2
from selectolax.lexbor import LexborHTMLParser, LexborNode
from tinycss2.ast import (
    AtRule,
    Declaration,
    DimensionToken,
    FunctionBlock,
    IdentToken,
    Node,
    PercentageToken,
    QualifiedRule,
)

_ELEMENTS = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6"), "html-h1-h6"),
    **dict.fromkeys(("ul", "ol", "li", "dl", "dt", "dd"), "html-lists"),
    **dict.fromkeys(("table", "thead", "tbody", "tr", "td", "th"), "html-table"),
    **dict.fromkeys(("main", "section", "article", "header", "footer"), "html-semantics"),
}
_PROPERTIES = {
    **{f"{each}-{side}": f"css-{each}" for each in ("border", "margin", "padding")
       for side in ("top", "right", "bottom", "left")},
    "border-color": "css-border",
}  # fmt: skip
_VALUES = {
    ("display", "none"): "css-display-none",
    ("display", "flex"): "css-display-flex",
    ("display", "grid"): "css-display-grid",
    ("font-family", "system-ui"): "css-sytem-ui",
    ("font-family", "ui-monospace"): "css-sytem-ui",
}
"""Values with a name of their own; the misspelling is the site's."""

_SELECTORS = {
    r"\.\w": "css-selector-class",
    r"(?:^|[\s>+~,])\w": "css-selector-type",
    r"#\w": "css-selector-id",
    r",": "css-selector-grouping",
    r"\[": "css-selector-attribute",
    r"\w\s+[\w.#]": "css-selector-descendant",
    r">": "css-selector-child",
    r"\*": "css-selector-universal",
}


def features(html: str) -> Iterator[str]:
    """The names of all that is used, some of them more than once."""
    if html.lstrip().lower().startswith("<!doctype html>"):
        yield "html-doctype"
    if "<!--" in html:
        yield "html-comments"
    for node in LexborHTMLParser(html).css("*"):
        tag = str(node.tag)
        yield _ELEMENTS.get(tag, f"html-{tag}")
        yield from _of_attributes(node)
        if tag == "style":
            yield from _of_rules(tinycss2.parse_stylesheet(node.text(), True, True))


def _of_attributes(node: LexborNode) -> Iterator[str]:
    for name, value in node.attributes.items():
        match name, value:
            case "style", str(style):
                yield from _of_declarations(tinycss2.parse_blocks_contents(style, True, True))
            case "href", str(url) if url.startswith("mailto:"):
                yield "html-mailto-links"
            case "href", str(url) if url.startswith("#"):
                yield "html-anchor-links"
            case "name", ("color-scheme" | "supported-color-schemes"):
                yield "html-meta-color-scheme"
            case (("href" | "name" | "content" | "charset"), _):
                pass  # of links and meta elements, whose kinds are told apart above
            case _:
                yield f"html-{name}"


def _of_rules(rules: Iterable[Node]) -> Iterator[str]:
    for rule in rules:
        match rule:
            case AtRule():
                yield f"css-at-{rule.at_keyword}"
                for feature in re.findall(r"\(([a-z-]+)", tinycss2.serialize(rule.prelude)):
                    yield f"css-at-{rule.at_keyword}-{feature}"
                yield from _of_rules(tinycss2.parse_rule_list(rule.content or [], True, True))
            case QualifiedRule():
                selector = tinycss2.serialize(rule.prelude).strip()
                yield from (
                    name for pattern, name in _SELECTORS.items() if re.search(pattern, selector)
                )
                for kind, name in re.findall(r"(::?)([a-z-]+)", selector):
                    yield f"css-pseudo-{'class' if kind == ':' else 'element'}-{name}"
                yield from _of_declarations(
                    tinycss2.parse_blocks_contents(rule.content, True, True)
                )
            case _:
                raise AssertionError(f"{rule} is no CSS")


def _of_declarations(declarations: Iterable[Node]) -> Iterator[str]:
    for each in declarations:
        assert isinstance(each, Declaration), each
        yield _PROPERTIES.get(each.name, f"css-{each.name}")
        if each.important:
            yield "css-important"
        for token in each.value:
            match token:
                case DimensionToken():
                    yield f"css-unit-{token.unit}"
                case PercentageToken():
                    yield "css-unit-percent"
                case FunctionBlock():
                    yield f"css-function-{token.name}"
                case IdentToken() if name := _VALUES.get((each.name, token.value)):
                    yield name
