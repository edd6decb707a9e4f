"""The oracle: who was owed which papers, against what the mail server took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tests.faults.rows import Tally
from tests.world import Mail

OPERATOR = "root@example.org"
"""The only one who may have mail without papers."""

Pair = tuple[str, str]
"""A recipient and a paper."""


def settle(
    tally: Tally, mails: Iterable[Mail], owed: Iterable[Pair], *, may_repeat: bool = False
) -> None:
    """Count what was lost and what came twice; hand over the mails of all, the operator's as well.

    `may_repeat`: the same bytes may have come again, because the server's answer was lost.
    """
    got: dict[Pair, list[bytes]] = defaultdict(list)
    for mail in mails:
        is_well = mail.paper_ids or mail.recipient == OPERATOR
        tally.expect(is_well, f"{mail.recipient} has {mail.subject!r}, without a paper")
        for paper_id in mail.paper_ids:
            got[mail.recipient, paper_id].append(mail.raw)
    wanted = set(owed)
    for pair in sorted(wanted - got.keys()):
        tally.lost += 1
        tally.unexpected.append(f"{pair} was lost")
    for pair in sorted(got.keys() - wanted):
        tally.unexpected.append(f"{pair} was owed to nobody")
    for pair, copies in got.items():
        tally.duplicated += len(copies) > 1
        tally.expect(len(set(copies)) == 1, f"{pair} came twice, in different bytes")
        tally.expect(may_repeat or len(copies) == 1, f"{pair} came {len(copies)} times")
