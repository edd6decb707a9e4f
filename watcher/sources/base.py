"""What a source must be able to say."""

from __future__ import annotations

import datetime as dt
from typing import Protocol

from watcher.models import Listing, Page, PageKind, PageRequest, Period

TAIL = dt.timedelta(hours=48)
"""How long after its end a period's page is still read: a day's page grows past midnight."""

CATCH_UP = dt.timedelta(days=14)
"""How far back an outage is made good."""


class Source(Protocol):
    """One configured page of a site: what to ask for, and how to read the answers. Pure."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def page(self) -> PageKind:
        """Which kind of page it is."""

    @property
    def is_dated(self) -> bool:
        """Whether its pages are those of days, weeks or months."""

    def requests(
        self, now: dt.datetime, last_good_at: dt.datetime | None
    ) -> tuple[PageRequest, ...]:
        """What to ask for in a check at `now`, newest period first.

        `last_good_at` is when all that was due was last read well.
        """

    def page_request(self, period: Period) -> PageRequest:
        """The page of one period of a dated source."""

    def completion(self, listing: Listing) -> PageRequest | None:
        """Where to get what the page of `listing` cut off or does not tell; None if nothing."""

    def following(self, page: Page, listing: Listing) -> PageRequest | None:
        """The next part of a list of which `listing`, read from `page`, is one; None at its end."""

    def paper_request(self, paper_id: str) -> PageRequest:
        """Where the full record of one paper is."""

    def api_fallback(self, request: PageRequest) -> PageRequest | None:
        """Another way to what `request` asked for, when its page gave nothing; None if none."""

    def parse(self, page: Page, now: dt.datetime) -> Listing:
        """Read an answer. Raises ParseError where there is nothing that could be judged."""
