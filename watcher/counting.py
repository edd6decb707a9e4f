"""What the daemon's passes came to since it began: what a restart loses, and may."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Literal

from watcher.engine import Result
from watcher.models import Outcome

PassEnd = Literal["well", "trouble", "failed"]
"""`trouble`: a source or a mail is not well. `failed`: the pass itself broke off."""


class Counting:
    """Counts passes, and what they found; read by another thread."""

    def __init__(self) -> None:
        self.checks: Counter[tuple[str, Outcome]] = Counter()
        self.passes: Counter[PassEnd] = Counter()
        self.session_failure_count = 0
        self.not_composed_count = 0  # at the last try
        self.last_pass_at: dt.datetime | None = None
        self.last_pass_seconds = 0.0
        self.is_change_refused = False  # the configuration as it was read last

    def note_pass(self, result: Result | None, at: dt.datetime, seconds: float) -> None:
        """A pass ended, with a result or (None) without; it took so many seconds."""
        self.last_pass_at, self.last_pass_seconds = at, seconds
        if result is not None:
            self.passes["well" if result.is_well else "trouble"] += 1
            for checked in result.sources:
                self.checks[checked.source, checked.outcome] += 1
        self.note_slots(result)

    def note_slots(self, result: Result | None) -> None:
        """What became of the mails; None: that broke off, alone or with its pass."""
        if result is None:
            self.passes["failed"] += 1
            return
        self.not_composed_count = len(result.not_composed)
        self.session_failure_count += result.mail_error is not None
