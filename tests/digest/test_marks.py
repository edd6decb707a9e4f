from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.digest.builders import texts
from watcher.digest.marks import Marker


def marked(text: str, *words: str) -> str:
    pieces = Marker(words).pieces(text)
    return "".join(f"[{piece.text}]" if piece.is_marked else piece.text for piece in pieces)


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("a hypernetwork here", ("hypernetwork",), "a [hypernetwork] here"),
        ("a hypernetwork here", ("hyper",), "a hypernetwork here"),
        ("a hypernetwork here", ("network",), "a hypernetwork here"),
        ("Lora, LoRA", ("LoRA",), "Lora, [LoRA]"),
        ("weight\u00a0space models", ("weight space",), "[weight\u00a0space] models"),
        ("a model zoo", ("model", "model zoo"), "a [model zoo]"),
        ("multi-agent", ("agent",), "multi-[agent]"),
        ("C++ and C#", ("C++",), "[C++] and C#"),
        ("the $π₀$ model", ("π0",), "the $[π₀]$ model"),
        ("这个超网络很好", ("超网络",), "这个[超网络]很好"),
        ("用LoRA微调", ("LoRA",), "用[LoRA]微调"),
        ("ﬁne ﬁne-tuning", ("fine-tuning",), "ﬁne [ﬁne-tuning]"),
        ("Müller's", ("Müller",), "[Müller]'s"),
        ("nothing", (), "nothing"),
        ("nothing", ("", " "), "nothing"),
        ("a.c abc", ("a.c",), "[a.c] abc"),
    ],
)
def test_marking(text: str, words: tuple[str, ...], shown: str) -> None:
    assert marked(text, *words) == shown


@given(texts, st.lists(texts))
def test_pieces_are_the_text(text: str, words: list[str]) -> None:
    assert "".join(piece.text for piece in Marker(words).pieces(text)) == text


def test_finding_goes_on_from_a_place() -> None:
    marker = Marker(["é", "x"])
    assert marker.find("x é x") == (0, 1)
    assert marker.find("x é x", 1) == (2, 3)
    assert marker.find("x . x", 1) == (4, 5)
    assert marker.find("nothing") is None
