"""How everything stands, gathered from the configuration and the store: what `status` tells."""

from watcher.overview.gathering import gather
from watcher.overview.problems import OUTCOME_WORDS, headline
from watcher.overview.records import (
    DaemonOverview,
    Failed,
    MailOverview,
    Overview,
    Problem,
    SourceOverview,
    SubscriptionOverview,
    Verdict,
)

__all__ = [
    "OUTCOME_WORDS",
    "DaemonOverview",
    "Failed",
    "MailOverview",
    "Overview",
    "Problem",
    "SourceOverview",
    "SubscriptionOverview",
    "Verdict",
    "gather",
    "headline",
]
