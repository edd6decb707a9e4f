"""The style sheet put into the tags of templates: many mail programs know no rules in the head.

css-inline says what style each tag has, and only that is written into the template. The HTML that
it makes of a template is of no use: tags of loops and branches are closed, moved and dropped there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2

from watcher.digest.tags import Tag, read_tags
from watcher.errors import RenderError

if TYPE_CHECKING:
    from css_inline import CSSInliner

SHEET = "mail.css"
"""The style sheet. A template that includes it gets its at-rules, which fit in no tag."""

_KEY = "data-tag"
_UNSEEN = frozenset({"base", "link", "meta", "script", "style", "title"})
_SINGLE = frozenset({"html", "head", "body"})
_OF_TABLES = frozenset({"caption", "col", "colgroup", "tbody", "td", "tfoot", "th", "thead", "tr"})


class InliningLoader(jinja2.BaseLoader):
    """Gives the HTML templates of a loader the style of `mail.css` in all these directories.

    That is done when a template is loaded, not when it is rendered. Lines stay where they are.
    """

    def __init__(self, loader: jinja2.BaseLoader, directories: Sequence[Path]) -> None:
        self._loader = loader
        self._sheets = [directory / SHEET for directory in directories]

    def get_source(
        self, environment: jinja2.Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """The source for Jinja, good until it or a style sheet changes."""
        css = self._css()
        if template == SHEET:
            rules = f"{{% raw %}}{_at_rules(css)}{{% endraw %}}"  # "{#" may be in them
            return rules, None, lambda: css == self._css()
        source, path, is_current = self._loader.get_source(environment, template)
        if template.endswith(".html.j2"):
            source = inlined(source, css)
        return source, path, lambda: (not is_current or is_current()) and css == self._css()

    def _css(self) -> str:
        return "\n".join(_text(sheet) for sheet in self._sheets if sheet.exists())


def inlined(source: str, css: str) -> str:
    """A template whose tags have the style of their classes, in front of what they say themselves.

    A class that statements of Jinja choose brings its style under the same condition. One that is
    printed brings none, and neither does a whole attribute that is chosen.
    """
    try:
        tags = dict(enumerate(read_tags(source)))
    except (jinja2.TemplateSyntaxError, AssertionError):
        return source  # Jinja explains it; or it has a declaration that html.parser refuses
    styles = _styles(tags, css)
    pieces: list[str] = []
    at = 0
    for number, tag in tags.items():
        for offset, text in _insertions(tag, number, styles):
            pieces += source[at:offset], text
            at = offset
    return "".join((*pieces, source[at:]))


def _styles(tags: Mapping[int, Tag], css: str) -> Mapping[str, str]:
    """The styles of the tags by their numbers, and with a class that is chosen by that, too."""
    bare = [(tag.name, _bare(tag, number)) for number, tag in tags.items()]
    whole = (text for name, text in bare if name not in _UNSEEN)
    # HTML knows no cell without a table, as one stands in a macro: these come again by themselves.
    alone = (f"<table>{text}</table>" for name, text in bare if name in _OF_TABLES)
    return _Styles(_inliner(css).inline("".join((*whole, *alone)))).found


def _bare(tag: Tag, number: int) -> str:
    """What rules are tried on: the tag, and in front of it the tag with each class it may have."""
    if tag.end is None:
        return f"</{tag.name}>"
    always = [word.text for word in tag.classes if not word.is_statement and not word.is_chosen]
    chosen = [] if tag.name in _SINGLE else _chosen(tag)
    others = "".join(
        f" {each.text}"
        for each in tag.attributes
        if each.name not in {"class", "style"} and not each.is_chosen
    )
    return f"</{tag.name}>".join(
        f'<{tag.name} {_KEY}="{key}" class="{" ".join(classes)}"{others}>'
        for key, classes in (
            *((f"{number} {word}", (*always, word)) for word in chosen),
            (str(number), always),
        )
    )


def _chosen(tag: Tag) -> list[str]:
    return [word.text for word in tag.classes if word.is_chosen and not word.is_statement]


def _insertions(tag: Tag, number: int, styles: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """What gives a tag its style: texts, and the offsets of the template at which they go in.

    Its own declarations come last, so that they win.
    """
    if tag.end is None or not (style := _style(tag, number, styles)):
        return
    is_in = False
    for each in tag.attributes:
        if each.name == "style":
            is_in |= not each.is_chosen
            if each.quote:
                yield each.start, _style(tag, number, styles, each.quote)
            else:
                yield each.start, f'"{style}'
                yield each.start + len(each.value), '"'
    if not is_in:
        yield tag.end, f' style="{style.removesuffix(";")}"'


def _style(tag: Tag, number: int, styles: Mapping[str, str], quote: str = '"') -> str:
    """Declarations with a semicolon behind each, and the statements that choose among them."""
    base = styles.get(str(number), "")
    pieces, is_chosen = [], False
    for word in tag.classes:
        if word.is_statement:
            pieces.append(word.text)
        elif word.is_chosen and (more := _added(styles.get(f"{number} {word.text}", ""), base)):
            pieces.append(_written(more, quote))
            is_chosen = True
    return "".join((_written(base, quote), *(pieces if is_chosen else ())))


def _added(style: str, base: str) -> str:
    """What of the declarations is not in the base."""
    known = base.split(";")
    return ";".join(each for each in style.split(";") if each not in known)


def _written(style: str, quote: str) -> str:
    return style and style.replace("&", "&amp;").replace(quote, f"&#{ord(quote)};") + ";"


def _at_rules(css: str) -> str:
    _, _, rest = _inliner(css).inline("").partition("<style>")
    return rest.partition("</style>")[0].strip()


@lru_cache(maxsize=4)
def _inliner(css: str) -> CSSInliner:
    from css_inline import CSSInliner  # noqa: PLC0415  # not for commands that write no mail

    return CSSInliner(
        extra_css=css, keep_at_rules=True, load_remote_stylesheets=False, minify_css=True
    )


class _Styles(HTMLParser):
    """The styles of tags by their keys; the first of each counts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        known = dict(attrs)
        if key := known.get(_KEY):
            self.found.setdefault(key, known.get("style") or "")


def _text(sheet: Path) -> str:
    try:
        return sheet.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RenderError(f"{sheet} cannot be read: {error}") from error
