"""The named steps of a pass: the suite of faults ends the process at each of them.

`hook` is for who runs this program within a program of their own; nothing that is configured or
stands in the environment sets it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Step(StrEnum):
    """In the order of a pass."""

    MIGRATED = "schema migrated"
    TAKEN_OVER = "configuration taken over"
    BEGUN = "check begun"
    ASKED = "page asked for"
    FETCHED = "page fetched"
    PARSED = "page parsed"
    OBSERVED = "papers observed"
    CHECKED = "check recorded"
    MATCHED = "papers matched"
    PROBED = "mail session tried"
    CLOSED = "empty slots closed"
    COMPOSED = "digest composed"
    RECOVERED = "mails cut short queued"
    STARTED = "delivery started"
    ACCEPTED = "mail accepted"
    DELIVERED = "delivery recorded"
    REFUSED = "refusal recorded"
    PRUNED = "old rows pruned"


def _nothing(_step: Step, _is_committed: bool) -> None:  # noqa: FBT001  # as hooks are called
    pass


hook: Callable[[Step, bool], None] = _nothing
"""Called at each step: with False before the commit where it is a transaction, then with True."""


def reached(step: Step, *, is_committed: bool = True) -> None:
    """Say that the process has come so far."""
    hook(step, is_committed)
