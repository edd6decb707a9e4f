"""Whatever bytes the parsers are given: a named error or an answer, and soon."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.faults.rows import Tally, row
from tests.mail.bouncing import EXIM, PERSON, QMAIL, VACATION, block, dsn
from tests.sources.reading import NOW, answer, sample, source
from tests.world import DAILY, WEIGHTS
from watcher import effective
from watcher.digest.formulas import formula
from watcher.digest.latex import readable
from watcher.errors import ConfigError, ParseError
from watcher.mail.bounces import envelope_recipients, read_report
from watcher.models import PageKind
from watcher.settings import load

SECONDS = 5.0
"""What one input may take of the processor."""

ROUND = 40
"""Examples between two looks at the clock."""

_PAGES: tuple[PageKind, ...] = ("daily", "weekly", "trending", "search")
_FORMS: tuple[Literal["page", "api", "paper"], ...] = ("page", "api", "paper")
_RECORD = (
    b'[{"paper": {"id": "2512.00001", "title": "T", "authors": [{"name": "A", "user": {"user":'
    b' "a"}}], "upvotes": 3, "publishedAt": "2025-12-01T00:00:00.000Z", "ai_keywords": ["x"]},'
    b' "numComments": 1, "submittedBy": {"name": "s"}, "mediaUrls": ["https://x.org/"]}]'
)
_LATEX = (
    rb"na\"{\i}ve $x_1^{2}$ \textbf{bold} 95\% of \$5 \(\frac{a}{b}\) \sqrt[3]{x} {\em y} $\hat"
    rb"{\mathbb{R}}^n \to \operatorname{arg\,min}_\theta$ \begin{array}{c}1\\2\end{array} --- ``q''"
)
_TOML = (DAILY + WEIGHTS + '[smtp]\nhost = "127.0.0.1"\nport = 25\nsecurity = "none"\n').encode()


def mutated(samples: tuple[bytes, ...]) -> st.SearchStrategy[bytes]:
    """One of the samples with pieces cut, doubled, moved and overwritten; or bytes at random."""

    @st.composite
    def draw(choose: st.DrawFn) -> bytes:
        given = bytearray(choose(st.sampled_from(samples)))
        for _ in range(choose(st.integers(1, 8))):
            at, length = choose(st.integers(0, len(given))), choose(st.integers(0, 60))
            piece = bytes(given[at : at + length])
            given[at : at + length] = choose(
                st.just(b"")
                | st.just(piece * 40)
                | st.binary(max_size=12)
                | st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass"))
                | st.sampled_from((b"\\ud800", b"{{", b"[" * 90, b"null", b"<div>" * 90, b"'''"))
            )
        return bytes(given)

    return draw() | st.binary(max_size=300)


def _page(given: bytes) -> None:
    for page in _PAGES:
        for form in _FORMS:
            path = None if form == "page" else "/api/daily_papers"
            try:
                source(page).parse(answer(given, page, path=path, form=form), NOW)
            except ParseError:
                continue


def _latex(given: bytes) -> None:
    text = given.decode("utf-8", "replace")
    readable(text)
    formula(text)


def _bounce(given: bytes) -> None:
    read_report(given, "ada@example.org")
    envelope_recipients(given)


def _config(folder: Path) -> Callable[[bytes], None]:
    path = folder / "config.toml"
    environ = {"HOME": str(folder), "TZ": "UTC"}

    def read(given: bytes) -> None:
        path.write_bytes(given)
        try:
            effective.compile_rules(load(path, state_dir=folder / "state", environ=environ), {})
        except ConfigError as error:
            str(error)

    return read


@row(
    "hostile bytes to the parsers of pages, API, LaTeX, TOML and bounces (hypothesis)",
    "an answer or a named error, in time",
    few=1,
    many=300,
)
def fuzzed(tries: int, directory: Path) -> Tally:
    """So many seconds, a quarter of them for each parser; a try is an input."""
    tally = Tally()
    for name, samples, parse in _targets(directory):
        until = time.monotonic() + tries / 4
        number = random.SystemRandom().randrange(2**32) if tries > 1 else 0
        while time.monotonic() < until:
            _round(tally, name, samples, parse, number)
            number += 1
    return tally


def _targets(
    folder: Path,
) -> Iterator[tuple[str, tuple[bytes, ...], Callable[[bytes], None]]]:
    pages = (sample("daily.html"), sample("trending.html"), _RECORD, _RECORD[1:-1])
    bounces = (dsn(block()), *(each.encode() for each in (EXIM, PERSON, QMAIL, VACATION)))
    yield "page", pages, _page
    yield "LaTeX", (_LATEX,), _latex
    yield "TOML", (_TOML,), _config(folder)
    yield "bounce", bounces, _bounce


def _round(
    tally: Tally,
    name: str,
    samples: tuple[bytes, ...],
    parse: Callable[[bytes], None],
    number: int,
) -> None:
    @seed(number)
    @settings(
        max_examples=ROUND,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(samples))
    def attempt(given: bytes) -> None:
        started = time.process_time()
        try:
            parse(given)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is what is looked for
            tally.unexpected.append(f"{name}: {error!r} for {given[:2000]!r}")
        taken = time.process_time() - started
        tally.expect(taken < SECONDS, f"{name}: {taken:.0f} s for {given[:2000]!r}")
        tally.tries += 1

    attempt()
