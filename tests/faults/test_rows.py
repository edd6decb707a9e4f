"""A few tries of each row; `make faults` makes them all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.__main__ import main
from tests.faults.ledger import settle
from tests.faults.rows import ALL, Row, Tally, rows
from tests.world import Mail

ADA = ("ada@example.org", "2602.00001")


@contextlib.contextmanager
def before_others() -> Iterator[None]:
    """What is started here has the processors first, where root may say so."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, usual - 10)
    try:
        yield
    finally:
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, usual)


@pytest.mark.long
@pytest.mark.untraced  # what is tried is the program as it is
@pytest.mark.parametrize("each", rows(), ids=lambda each: each.name)
def test_a_few_tries(each: Row, tmp_path: Path) -> None:
    with before_others() if each.is_alone else contextlib.nullcontext():
        tally = each.run(each.few, tmp_path)
    assert tally.tries >= each.few
    assert tally.unexpected == []
    assert tally.lost == 0


def test_the_report_tells_of_the_rows_as_they_are_and_nothing_was_lost() -> None:
    report = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in report.splitlines() if line[:2] == "| "]
    told = {name: (promise, *numbers) for name, promise, *numbers in lines[1:]}
    assert list(told) == [each.name for each in rows()]
    for each in rows():
        promise, tries, lost, _, unexpected, *_ = told[each.name]
        assert promise == each.promise
        least = each.few + 1 if each.many == ALL else each.many
        assert (int(tries) >= least, lost, unexpected) == (True, "0", "0"), each.name


def test_a_name_that_no_row_has_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["clock", "mistyped"])
    assert refused.value.code == 2
    assert "begins with 'mistyped'" in capsys.readouterr().err


def mail(raw: bytes = b"1", recipient: str = ADA[0], paper_id: str = ADA[1]) -> Mail:
    text = f"https://huggingface.co/papers/{paper_id}"
    return Mail(recipient, "subject", "<1@example.org>", text if paper_id else "", "", raw)


@pytest.mark.parametrize(
    ("mails", "may_repeat", "found"),
    [
        ([mail()], False, (0, 0, 0)),
        ([], False, (1, 0, 1)),
        ([mail(), mail()], True, (0, 1, 0)),
        ([mail(), mail()], False, (0, 1, 1)),
        ([mail(), mail(b"2")], True, (0, 1, 1)),
        ([mail(), mail(paper_id="2602.00002")], False, (0, 0, 1)),
        ([mail(), mail(recipient="bob@example.org")], False, (0, 0, 1)),
        ([mail(), mail(recipient="bob@example.org", paper_id="")], False, (0, 0, 1)),
        ([mail(), mail(recipient="root@example.org", paper_id="")], False, (0, 0, 0)),
    ],
)
def test_the_oracle_sees_what_went_wrong(
    mails: list[Mail], found: tuple[int, int, int], *, may_repeat: bool
) -> None:
    tally = Tally()
    settle(tally, mails, [ADA], may_repeat=may_repeat)
    assert (tally.lost, tally.duplicated, len(tally.unexpected)) == found
