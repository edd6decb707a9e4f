"""The yardsticks themselves: no time is measured here."""

from __future__ import annotations

import datetime as dt
import os
import sys

import pytest

from benchmarks import pages
from benchmarks.__main__ import line, main
from benchmarks.measuring import Bound, cost_of, in_turns
from watcher.models import Page, PageRequest
from watcher.settings import SourceSettings
from watcher.sources import make_source

NOW = dt.datetime(2026, 2, 19, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("bound", "is_met", "shown"),
    [
        (Bound("a", "b", 3, 1, most=3), True, ["3.00", "at", "most", "3", "ok"]),
        (Bound("a", "b", 3.1, 1, most=3), False, ["3.10", "at", "most", "3", "MISSED"]),
        (Bound("a", "b", 1, 12, least=12), True, ["12.00", "at", "least", "12", "ok"]),
        (Bound("a", "b", 1, 11.9, least=12), False, ["11.90", "at", "least", "12", "MISSED"]),
    ],
)
def test_a_bound_is_met_or_missed(bound: Bound, is_met: bool, shown: list[str]) -> None:
    assert bound.is_met is is_met
    assert line(bound).split()[-5:] == shown


def test_both_sides_take_turns_after_one_round_for_nothing() -> None:
    turns: list[str] = []
    took = in_turns(2, {"a": lambda: turns.append("a"), "b": lambda: turns.append("b")})
    assert turns == ["a", "b"] * 3
    assert set(took) == {"a", "b"}


def test_the_cost_of_a_process_counts_its_children() -> None:
    burn = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b = bytearray(9**8)'])"
    cost = cost_of([sys.executable, "-c", burn], dict(os.environ))
    assert cost.peak_bytes > 9**8
    assert cost.cpu_seconds > 0
    with pytest.raises(RuntimeError, match=r"ended with 1: .*Traceback"):
        cost_of([sys.executable, "-c", "1 / 0"], dict(os.environ))


def test_the_page_is_as_large_as_the_real_one_and_is_read() -> None:
    body = pages.trending_page(pages.papers(NOW), NOW)
    assert 1_500_000 <= len(body) < 1_700_000
    source = make_source(SourceSettings(name="trending", page="trending"), "https://huggingface.co")
    request = PageRequest("trending", "https://huggingface.co/papers/trending")
    listing = source.parse(Page(request, request.url, 200, body, NOW), NOW)
    assert (len(listing.papers), listing.origin) == (pages.PAPERS, "json")


def test_a_part_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parsing", "nothing"]) == 2
    assert capsys.readouterr().out == "unknown: nothing; there are parsing, start, check\n"
