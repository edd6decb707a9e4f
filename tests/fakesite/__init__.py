"""A papers site on loopback: all its pages and its API, and everything that can go wrong there."""

from __future__ import annotations

from tests.fakesite import faults
from tests.fakesite.faults import Answer, Fault
from tests.fakesite.papers import SitePaper, growing, make_day, make_paper
from tests.fakesite.server import FakeSite, SeenRequest

__all__ = [
    "Answer",
    "FakeSite",
    "Fault",
    "SeenRequest",
    "SitePaper",
    "faults",
    "growing",
    "make_day",
    "make_paper",
]
