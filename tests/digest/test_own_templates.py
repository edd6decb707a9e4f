"""Templates of the operator's own: used where they are good, else the built-in ones stand in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.digest.builders import NASTY, chosen, content
from tests.digest.html import shown
from watcher.digest import render_digest
from watcher.digest.render import HTML_LIMIT
from watcher.models import DigestPaper, Rendered

GOOD = '{% extends "built-in/digest.html.j2" %}{% block top %}<h1>Hello</h1>{% endblock %}'
LINKS = (
    "{% for group in groups %}{% for paper in group.papers %}{{ paper.url }}\n{% endfor %}"
    "{% endfor %}{% for link in listed %}{{ link.url }}\n{% endfor %}"
)


def rendered(folder: Path, *papers: DigestPaper, **templates: str) -> Rendered:
    """A digest of these papers; `html` and `text` are templates."""
    for kind, source in templates.items():
        name = {"html": "digest.html.j2", "text": "digest.txt.j2", "layout": "layout.html.j2"}[kind]
        (folder / name).write_text(source, encoding="utf-8")
    return render_digest(content(*(papers or (chosen(),))), folder)


def test_a_template_changes_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    found = rendered(tmp_path, html=GOOD)
    plain = render_digest(content(chosen()))
    assert found.complaint == ""
    assert "Hello" in shown(found.html)
    assert "Neural Metamorphosis" in shown(found.html)
    assert (found.subject, found.text) == (plain.subject, plain.text)


def test_a_layout_of_ones_own_holds_the_built_in_digest(tmp_path: Path) -> None:
    layout = "<!doctype html><title>{{ subject }}</title>{% block body %}{% endblock %}"
    found = rendered(tmp_path, layout=layout)
    assert found.complaint == ""
    assert found.html.startswith("<!doctype html><title>weights: 1 new paper")


def test_an_empty_directory_changes_nothing(tmp_path: Path) -> None:
    assert rendered(tmp_path) == render_digest(content(chosen()))


@pytest.mark.parametrize("nasty", NASTY)
def test_what_papers_say_is_escaped_there_too(nasty: str, tmp_path: Path) -> None:
    own = "{{ groups[0].papers[0].plain_title }}"
    found = rendered(tmp_path, chosen(title=f"x {nasty}"), html=f"<b>{LINKS}</b><i>{own}</i>")
    assert found.complaint == ""
    inside = found.html.partition("<i>")[2].removesuffix("</i>")
    assert not set(inside) & set("<>\"'")


@pytest.mark.parametrize("part", ["part.html", "part.j2", "part", "part.HTML.J2"])
def test_parts_of_any_name_are_escaped(part: str, tmp_path: Path) -> None:
    (tmp_path / part).write_text("<i>{{ groups[0].papers[0].plain_title }}</i>")
    included = f"{LINKS}{{% include '{part}' %}}"
    found = rendered(tmp_path, chosen(title="<img src=x>"), html=included)
    assert found.complaint == ""
    assert "<i>&lt;img src=x&gt;</i>" in found.html


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("\n{% if %}", "digest.html.j2, line 2: Expected an expression"),
        ("\n\n{{ papers }}", "digest.html.j2, line 3: 'papers' is undefined"),
        ("{{ 1 / 0 }}", "digest.html.j2, line 1: division by zero"),
        ("{{ groups + 1 }}", "digest.html.j2, line 1: can only concatenate"),
        ("{{ groups[7] }}", "digest.html.j2, line 1"),
        ("{{ name.__class__.__mro__ }}", "digest.html.j2, line 1: access to attribute '__class__'"),
        ("{{ groups[0].papers[0].excerpt.__func__ }}", "unsafe"),
        ("{% for n in range(10 ** 9) %}x{% endfor %}", "digest.html.j2, line 1: Range too big"),
        ('{% extends "nothing.j2" %}', "there is no template nothing.j2"),
        ('{% include "../secret.txt" %}', "there is no template ../secret.txt"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
        ("{{ 'x' * 10 ** 9 }}", "digest.html.j2, line 1: it makes something too long"),
        (
            "{% macro m(n) %}{% if n %}{{ m(n-1) ~ m(n-1) }}{% endif %}{% endmacro %}{{ m(40) }}",
            "it takes more than 5 s",
        ),
        (
            "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
            "it takes more than 5 s",
        ),
        ("<p>Hello</p>", "template digest.html.j2: 2410.11878 is left out"),
        (LINKS + "x" * (HTML_LIMIT + 1), "template digest.html.j2: more than 90 kB"),
    ],
)
def test_what_cannot_be_used_is_told_and_the_built_in_ones_stand_in(
    source: str, complaint: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    own = tmp_path / "own"
    own.mkdir()
    found = rendered(own, html=source, text=f"{LINKS} mine")
    assert complaint in found.complaint
    plain = render_digest(content(chosen()))
    assert (found.subject, found.text, found.html) == (plain.subject, plain.text, plain.html)


def test_the_text_has_to_list_every_paper(tmp_path: Path) -> None:
    papers = [chosen(id=f"2601.{number:05}") for number in range(40)]
    assert rendered(tmp_path, *papers, text=LINKS).complaint == ""
    found = rendered(tmp_path, *papers, text=LINKS.partition("{% for link")[0])
    assert found.complaint.startswith("template digest.txt.j2: 2601.000")
    assert all(paper.paper.id in found.text for paper in papers)


def test_a_change_is_taken_up(tmp_path: Path) -> None:
    assert "line 1" in rendered(tmp_path, html="{{ oh }}").complaint
    assert rendered(tmp_path, html=GOOD + "  ").complaint == ""
