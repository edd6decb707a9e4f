"""The style sheet in the tags: of our templates, of the operator's own, and past all of Jinja."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jinja2
import pytest
import tinycss2
from hypothesis import given
from hypothesis import strategies as st

from tests.digest import samples
from tests.digest.builders import chosen, content
from tests.digest.html import parsed
from watcher.digest import render_digest
from watcher.digest.inlining import inlined
from watcher.digest.templating import templates_dir
from watcher.models import Rendered

CSS = """
.a { color: red } .b { margin: 1px } .c { color: blue } p.d > b { top: 0 }
.q { font-family: "A B" } td { padding: 2px } .e { background: url(?a&b) }
"""
MAILS = samples.digests() | samples.notices()


def made(source: str, **context: object) -> str:
    """What the template says with the style sheet above in its tags."""
    return jinja2.Environment(autoescape=True).from_string(inlined(source, CSS)).render(context)


def digest(folder: Path, **files: str) -> Rendered:
    """A digest by templates (`html`, `layout`) and a style sheet (`css`) of one's own."""
    names = {"html": "digest.html.j2", "layout": "layout.html.j2", "css": "mail.css"}
    for kind, text in files.items():
        (folder / names[kind]).write_text(text, encoding="utf-8")
    return render_digest(content(chosen()), folder)


def extended(block: str, text: str) -> str:
    return f'{{% extends "built-in/digest.html.j2" %}}{{% block {block} %}}{text}{{% endblock %}}'


def style(html: str, selector: str) -> str | None:
    node = parsed(html).css_first(selector)
    assert node is not None, selector
    return node.attributes.get("style")


@pytest.mark.parametrize("html", [mail.html for mail in MAILS.values()], ids=[*MAILS])
def test_what_a_mail_looks_like_stands_in_its_tags(html: str) -> None:
    (sheet,) = re.findall("<style>(.*?)</style>", html, re.DOTALL)
    rules = tinycss2.parse_stylesheet(sheet, skip_whitespace=True)
    selectors = {tinycss2.serialize(r.prelude) for r in rules if r.type == "qualified-rule"}
    assert selectors == {":root"}
    assert [r.at_keyword for r in rules if r.type == "at-rule"] == ["media", "media"]
    assert "color:#15191e" in (style(html, "h1") or "")
    assert "border-radius:12px" in (style(html, "table.card") or "")
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->") == 2


def test_no_rule_of_the_sheet_is_without_use_and_no_class_without_rule() -> None:
    sheet = (templates_dir() / "mail.css").read_text(encoding="utf-8")
    pages = [parsed(mail.html) for mail in MAILS.values()]
    rules = tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True)
    inside = [
        each
        for rule in rules
        if rule.type == "at-rule"
        for each in tinycss2.parse_rule_list(rule.content or [], skip_whitespace=True)
    ]
    for rule in (*rules, *inside):
        if rule.type == "qualified-rule":
            for selector in tinycss2.serialize(rule.prelude).split(","):
                assert any(page.css_first(selector.strip()) for page in pages), selector
    used = {name for page in pages for node in page.css("[class]") for name in classes(node)}
    assert used == set(re.findall(r"\.([a-z]\w*)", re.sub(r"/\*.*?\*/", "", sheet, flags=re.S)))


def classes(node: object) -> list[str]:
    return (getattr(node, "attributes")["class"] or "").split()  # noqa: B009


def test_a_sheet_alone_changes_how_the_built_in_templates_look(tmp_path: Path) -> None:
    css = ".link { color: #123456 } @media print {#x{top:0} .link { color: #000 } }"
    found = digest(tmp_path, css=css)
    plain = render_digest(content(chosen()))
    assert found.complaint == ""
    assert found.html != plain.html
    assert found.html.count("color:#123456") == plain.html.count('class="link"')
    assert "color:#1a5fb4" not in found.html
    assert found.html.count(".link { color: #000 }") == 1
    assert found.html.index("prefers-color-scheme:dark") < found.html.index("@media print")
    assert ".link { color: #123456 }" not in found.html


def test_templates_of_ones_own_may_have_classes_of_their_own(tmp_path: Path) -> None:
    own = '<p class="motto dim">Read.</p>{{ super() }}'
    found = digest(tmp_path, html=extended("top", own), css=".motto { letter-spacing: 3px }")
    assert found.complaint == ""
    assert style(found.html, ".motto") == "color:#5b636d;letter-spacing:3px"


def test_the_style_block_still_adds_rules_to_the_head(tmp_path: Path) -> None:
    found = digest(tmp_path, html=extended("style", ".about{color:pink!important}"))
    assert found.complaint == ""
    head = found.html.partition("</style>")[0]
    assert head.endswith(".about{color:pink!important}")
    assert "pink" not in found.html.removeprefix(head)


def test_a_change_of_the_sheet_is_taken_up(tmp_path: Path) -> None:
    assert "teal" not in digest(tmp_path).html
    assert "color:teal" in digest(tmp_path, css=".ink { color: teal }").html
    assert "color:olive" in digest(tmp_path, css=".ink { color: olive }").html
    assert "@page{}" in digest(tmp_path, css=".ink { color: olive } @page{}").html
    (tmp_path / "mail.css").unlink()
    assert digest(tmp_path) == render_digest(content(chosen()))


def test_a_sheet_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "mail.css").write_bytes(b".a { color: \xff }")
    found = digest(tmp_path)
    assert found.complaint.startswith(f"{tmp_path / 'mail.css'} cannot be read: ")
    assert found.html == render_digest(content(chosen())).html


def test_the_work_is_done_once_for_a_template_and_not_for_each_mail(tmp_path: Path) -> None:
    rules = "\n".join(f".c{n} .d{n} > b {{ color: #{n:06} }}" for n in range(20_000))
    started = time.process_time()
    digest(tmp_path, css=rules)
    first = time.process_time() - started
    started = time.process_time()
    for _ in range(6):
        render_digest(content(chosen()), tmp_path)
    assert time.process_time() - started < first


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ('\n<p\nclass="dim">{{ papers }}</p>', "digest.html.j2, line 3: 'papers' is undefined"),
        ('<p class="dim">\n\n{% if %}', "digest.html.j2, line 3: Expected an expression"),
        ('<p class="dim"\n>{{ name', "digest.html.j2, line 2: "),
        ('<p class="{{ name\n}}"\n>{{ oh }}', "digest.html.j2, line 3: 'oh' is undefined"),
        ("<p class='{% for x in groups %}'>\n", "digest.html.j2, line 1: "),
    ],
)
def test_mistakes_have_the_lines_that_the_operator_sees(
    source: str, complaint: str, tmp_path: Path
) -> None:
    assert complaint in digest(tmp_path, html=source).complaint


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A web server's address, and the paths it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def test_nothing_is_loaded(tmp_path: Path, asked: tuple[str, list[str]]) -> None:
    address, paths = asked
    layout = (
        f'<!doctype html><html><head><link rel="stylesheet" href="{address}/link.css">'
        f'<style>@import url({address}/style.css);{{% include "mail.css" %}}</style></head>'
        '<body class="ink">{% block body %}{% endblock %}</body></html>'
    )
    css = f"@import url({address}/import.css);.ink {{ background: url({address}/a.png) }}"
    found = digest(tmp_path, layout=layout, css=css)
    assert found.complaint == ""
    assert f"url({address}/a.png)" in (style(found.html, "body") or "")
    assert paths == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<p class="a">x</p>', '<p class="a" style="color:red">x</p>'),
        ("<p class=a>x", '<p class=a style="color:red">x'),
        ("<P CLASS='a'\n>x", "<P CLASS='a' style=\"color:red\"\n>x"),
        ('<br class="a" />', '<br class="a" style="color:red" />'),
        ('<p class="b a">', '<p class="b a" style="color:red;margin:1px">'),
        ('<a class="a" href="?x&y=&quot;">', '<a class="a" href="?x&y=&quot;" style="color:red">'),
        ('<p class="q">', '<p class="q" style="font-family:\'A B\'">'),
        ('<p style="top:0" class="a">', '<p style="color:red;top:0" class="a">'),
        ("<p style='top:0' class=q>", "<p style='font-family:&#39;A B&#39;;top:0' class=q>"),
        ("<p class=e>", '<p class=e style="background:url(?a&amp;b)">'),
        ("<p style=top:0 class=a>", '<p style="color:red;top:0" class=a>'),
        ('<p class="d"><b>x', '<p class="d"><b style="top:0">x'),
        ("<body class=a><b>x", '<body class=a style="color:red"><b>x'),
        ('<!--[if mso]><p class="a"><![endif]-->', '<!--[if mso]><p class="a"><![endif]-->'),
        ("<style>.a{top:0}</style><p class=x>", "<style>.a{top:0}</style><p class=x>"),
        ("a < b > c & d </p> <p", "a < b > c & d </p> <p"),
    ],
)  # fmt: skip
def test_only_style_attributes_are_written(source: str, expected: str) -> None:
    assert made(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("<a href=\"{{ x['y'] }}{# \" #}\" class='a'>", "<a href=\"1&lt;2\" class='a' S>"),
        ('<a href="{{ "a>b" }}" class="a">', '<a href="a&gt;b" class="a" S>'),
        ('<a href={{ x["y"] }} class=a>', "<a href=1&lt;2 class=a S>"),
        ('{% if x["y"] > "0" %}<b class="a">{% endif %}', '<b class="a" S>'),
        ("{{ '<p class=\"a\">' }}", "&lt;p class=&#34;a&#34;&gt;"),
        ("{# <p class='a'> #}{% raw %}{{<p class='a'>{% endraw %}", "{{<p class='a' S>"),
        ('  {%- if x -%}  <b class="a">  {%- endif -%}  <i>', '<b class="a" S><i>'),
        ('<p style="{% if x %}top:0;{% endif %}left:{{ 7 }}px">', '<p style="top:0;left:7px">'),
        ('<b style="{{ 7 }}:0" class=a>', '<b style="color:red;7:0" class=a>'),
        ('<p {% if not x %}style="top:0"{% endif %} class="a">', '<p  class="a" S>'),
        ('<p {% if x %}title="a"{% endif %} class="a">', '<p title="a" class="a" S>'),
        ('<p {% if x %}class="a"{% endif %}>', '<p class="a">'),
        ('<body class="a{% if x %} b{% endif %}">', '<body class="a b" S>'),
        ('<p {{ "x" }} class="a">', '<p x class="a" S>'),
        ('<p{{ " x" }} class="a">', '<p x class="a" S>'),
    ],
)  # fmt: skip
def test_what_is_jinjas_stays_as_it_is(source: str, expected: str) -> None:
    expected = expected.replace(" S", ' style="color:red"')
    assert made(source, x={"y": "1<2"}) == expected


@pytest.mark.parametrize(
    ("is_first", "expected"),
    [(True, "color:red;margin:1px;"), (False, "color:blue;")],
)
def test_a_class_that_is_chosen_has_its_style_where_it_is_chosen(
    is_first: bool, expected: str
) -> None:
    source = '<p class="{% if is_first %}a b{% elif x == \'" \' %}a{% else %}c{% endif %}">'
    assert style(made(source, is_first=is_first), "p") == expected


def test_a_chosen_class_comes_on_top_of_those_that_are_always_there() -> None:
    source = '<p class="b{% if x %} c{% endif %} a" style="top:0">'
    assert style(made(source, x=True), "p") == "color:red;margin:1px;color:blue;top:0"
    assert style(made(source, x=False), "p") == "color:red;margin:1px;top:0"


@pytest.mark.parametrize(
    "value", ["{{ x }}", "a{{ x }}", "{{ x }}{% if x %}{% endif %}", "{# a #}"]
)
def test_a_class_that_is_printed_has_no_style(value: str) -> None:
    assert style(made(f'<p class="{value} b">', x="a"), "p") == "margin:1px"


def test_loops_may_stand_in_tables() -> None:
    source = (
        "<table class='a'>{% for row in rows %}<tr class='b'>{% for cell in row %}"
        "<td>{{ cell }}</td>{% endfor %}</tr>{% else %}<tr><td>none</td></tr>{% endfor %}</table>"
    )
    page = parsed(made(source, rows=["ab", "c"]))
    assert [node.text() for node in page.css("table td")] == ["a", "b", "c"]
    assert {node.attributes["style"] for node in page.css("td")} == {"padding:2px"}
    assert [node.attributes["style"] for node in page.css("tr")] == ["margin:1px"] * 2


def test_parts_of_tables_and_lists_may_stand_in_macros_and_blocks() -> None:
    source = (
        "{% macro row(x) %}<tr class='b'><td class='a'>{{ x }}</td></tr>{% endmacro %}"
        "{% block top %}<table class='a'>{% endblock %}{{ row(1) }}</table>"
    )
    assert made(source) == (
        "<table class='a' style=\"color:red\"><tr class='b' style=\"margin:1px\">"
        "<td class='a' style=\"padding:2px;color:red\">1</td></tr></table>"
    )


PIECES = st.sampled_from(
    [
        *('<p class="a">', "<p class=b\n>", "<table>", "<tr class='a'>", "</div>", "<b", ">", "\n"),
        *("<![if !mso]>", "<![x]>", "<!", "<?", "</"),
        *("{{ x }}", "{% if x %}", "{% endif %}", "{#- <p class=a> -#}", "{%- set y = 1 +%}"),
        *("{% raw %}", "{% endraw %}", "<!--", "-->", "<style>", "</style>", "'", '"', " ", "x"),
        *('<a class="{% if x %}a{% endif %}" href=\'{{ "<" }}\'>', "{{", "}}", "&amp;", "\ufffc"),
    ]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_a_template_is_the_same_but_for_styles_whatever_is_in_it(source: str) -> None:
    written = inlined(source, CSS)
    assert written.count("\n") == source.count("\n")
    assert re.sub(r" style=\"(?:[a-z-]+:\w+;?|{%[^{]*%})*\"", "", written) == source
