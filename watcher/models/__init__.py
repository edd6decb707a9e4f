"""The records that travel through the program: frozen, plain, without behaviour beyond themselves.

`_at` is an aware UTC datetime, `_on` a date, `_count` an int, `_url` an absolute URL; None is
"not known".
"""

from watcher.models.mails import (
    Attachment,
    DeliveryState,
    DigestContent,
    DigestPaper,
    Envelope,
    Rendered,
)
from watcher.models.matches import (
    Hit,
    Match,
    MatchState,
    Reason,
    known_as,
)
from watcher.models.pages import (
    Failure,
    Listing,
    Outage,
    Outcome,
    Page,
    PageKind,
    PageRequest,
    Period,
    Skipped,
)
from watcher.models.papers import (
    Author,
    FieldCoverage,
    FirstSeen,
    Organization,
    Paper,
    StoredPaper,
    Submitter,
    VoteCount,
)

__all__ = [
    "Attachment",
    "Author",
    "DeliveryState",
    "DigestContent",
    "DigestPaper",
    "Envelope",
    "Failure",
    "FieldCoverage",
    "FirstSeen",
    "Hit",
    "Listing",
    "Match",
    "MatchState",
    "Organization",
    "Outage",
    "Outcome",
    "Page",
    "PageKind",
    "PageRequest",
    "Paper",
    "Period",
    "Reason",
    "Rendered",
    "Skipped",
    "StoredPaper",
    "Submitter",
    "VoteCount",
    "known_as",
]
