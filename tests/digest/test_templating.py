from __future__ import annotations

import pytest

from watcher.digest.templating import render, templates_dir, wrapped
from watcher.errors import RenderError


def test_the_templates_are_found() -> None:
    names = {path.name for path in templates_dir().iterdir()}
    assert {"digest.html.j2", "digest.txt.j2", "notice.html.j2", "notice.txt.j2"} <= names


def test_nothing_in_the_templates_is_loaded_from_elsewhere() -> None:
    for path in templates_dir().iterdir():
        source = path.read_text(encoding="utf-8").lower()
        assert not any(word in source for word in ("src=", "url(", "@import", "<link", "<script"))


@pytest.mark.parametrize("name", ["digest.html.j2", "no-such.html.j2"])
def test_what_cannot_be_rendered_names_the_template(name: str) -> None:
    with pytest.raises(RenderError, match=name):
        render(name, {})


def test_wrapping_keeps_urls_whole() -> None:
    url = "https://example.org/" + "x" * 90
    lines = wrapped(f"{'word ' * 20}{url} end", "    ", " 1. ").split("\n")
    assert lines[0].startswith(" 1. word")
    assert all(line.startswith("    ") for line in lines[1:])
    assert any(url in line for line in lines)
    assert all(len(line) <= 76 for line in lines if url not in line)
