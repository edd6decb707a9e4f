"""Plain text in a column of a fixed-width font."""

from __future__ import annotations

import pytest

from watcher.digest.columns import padded, places, wrapped

CHINESE = (
    "您收到此邮件，是因为您的地址在订阅“weights”中："
    "Hugging Face 上符合其规则的论文，每篇只发送一次。"
)


def test_wrapping_keeps_urls_whole() -> None:
    url = "https://example.org/" + "x" * 90
    lines = wrapped(f"{'word ' * 20}{url} end", "    ", " 1. ").split("\n")
    assert lines[0].startswith(" 1. word")
    assert all(line.startswith("    ") for line in lines[1:])
    assert any(url in line for line in lines)
    assert all(len(line) <= 76 for line in lines if url not in line)


def test_chinese_breaks_between_characters_and_keeps_words_and_urls_whole() -> None:
    url = "https://example.org/" + "x" * 90
    lines = wrapped(f"{CHINESE}{CHINESE}{url} {CHINESE}", "  ", "- ").split("\n")
    assert lines[0].startswith("- 您收到")
    assert all(line.startswith("  ") for line in lines[1:])
    assert "".join(line[2:] for line in lines).replace(" ", "") == (
        f"{CHINESE}{CHINESE}{url}{CHINESE}".replace(" ", "")
    )
    assert any(url in line for line in lines)
    assert all(places(line) <= 76 for line in lines if url not in line)
    assert sum(places(line) > 60 for line in lines) >= 4


@pytest.mark.parametrize("length", range(30, 44))
@pytest.mark.parametrize(
    ("before", "after"),
    [("论", "。"), ("论", "）"), ("论", "”"), ("（", "论"), ("“", "论"), ("キ", "ャ")],
)
def test_marks_stay_with_what_they_belong_to(before: str, after: str, length: int) -> None:
    text = "文" * length + before + after + "文" * 30
    assert before + after in wrapped(text)


def test_white_space_is_kept_within_and_dropped_at_the_ends_of_lines() -> None:
    text = "论文 Neural 论文  Metamorphosis " * 9
    lines = wrapped(text).split("\n")
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert lines == [" ".join(line.split()) for line in lines]
    assert "Neural 论文 Metamorphosis" in lines[0]
    assert wrapped("") == ""
    assert wrapped("论文", "  ", "- ") == "- 论文"


def test_places() -> None:
    assert [places(text) for text in ("", "abc", "é", "e\u0301", "论文", "ｱ", "ア", "…")] == [
        *(0, 3, 1, 1, 4, 1, 2, 1)
    ]
    assert padded("论文", 6) + "|" == "论文  |"
    assert padded("longer", 3) == "longer"
