from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given

from tests.digest.builders import texts
from watcher.digest.text import clean, clean_line, isolated, shorten, web_url


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("two\r\n  words", "two words"),
        ("a\u2028b\u2029c\x85d", "a b c d"),
        ("nul\x00 bell\x07 escape\x1b[31m", "nul bell escape[31m"),
        ("\u202egpj.exe\u202c", "gpj.exe"),
        ("\u2067x\u2069 \u200e\u200f\u061c", "x"),
        ("lone \ud800 and \udfff", "lone and"),
        ("soft\u00adhyphen, zero\u200bwidth\ufeff", "softhyphen, zerowidth"),
        ("tag \U000e0041", "tag"),
        ("\u3164\u115f\uffa0", ""),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Z" + "\u0301" * 40 + "algo", "Z\u0301\u0301\u0301algo"),
        ("超网络 生成", "超网络 生成"),
    ],
)
def test_cleaning(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(texts)
def test_cleaned_text_is_one_visible_line(text: str) -> None:
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert cleaned == " ".join(cleaned.split())
    assert not any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in cleaned)
    assert not set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") & set(cleaned)


def test_only_right_to_left_text_is_isolated() -> None:
    assert isolated("plain é 超") == "plain é 超"
    assert isolated("abc שלום") == "\u2068abc שלום\u2069"
    assert isolated("مرحبا") == "\u2068مرحبا\u2069"


def test_paired_isolates_stay_in_a_line_and_others_go() -> None:
    assert clean_line(f"weights:\n {isolated('שלום')}, x\u202e") == "weights: \u2068שלום\u2069, x"
    assert clean_line("a \u2069\u2068 b") == "a b"
    assert clean_line("a \u2068 b") == "a b"


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("short", 5, "short"),
        ("several words here", 14, "several words…"),
        ("several words, here", 15, "several words…"),
        ("unbreakable" * 3, 12, "unbreakable…"),
        ("cafe\u0301s and more", 5, "caf…"),
        ("ab\U0001f9e0\u200d\U0001f525 x", 4, "ab…"),
        ("text", 0, "…"),
    ],
)
def test_shortening(text: str, limit: int, shown: str) -> None:
    assert shorten(text, limit) == shown


@pytest.mark.parametrize(
    ("url", "ascii_url"),
    [
        ("https://github.com/a/b", "https://github.com/a/b"),
        ("http://127.0.0.1:8000/x?y=1&z=%20#f", "http://127.0.0.1:8000/x?y=1&z=%20#f"),
        ("https://[::1]:8000/", "https://[::1]:8000/"),
        ("https://example.org/ä", "https://example.org/%C3%A4"),
        ("https://example.org/\"'<>", "https://example.org/%22%27%3C%3E"),
    ],
)
def test_web_urls(url: str, ascii_url: str) -> None:
    assert web_url(url) == ascii_url


@pytest.mark.parametrize(
    "url",
    [
        *(None, "", "javascript:alert(1)", "JavaScript://x/%0aalert(1)", "data:text/html,x"),
        *("//example.org", "/papers", "ftp://example.org", "https://", "https://user@evil.example"),
        *(
            "https://exämple.org",
            "https://a b",
            "https://a\n.example",
            "https://a\u202e",
            "http://[",
        ),
        *("https://a/\ud800", "\x01https://a", "https://a/" + "x" * 1000, " https://a"),
    ],
)
def test_all_else_is_no_link(url: str | None) -> None:
    assert web_url(url) is None
