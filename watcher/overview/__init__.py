"""How everything stands, gathered from the configuration and the store: what `status` tells."""

from watcher.overview.coming import Coming, coming
from watcher.overview.contract import as_contract
from watcher.overview.gathering import LOOKED_THROUGH, look
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
    "LOOKED_THROUGH",
    "OUTCOME_WORDS",
    "Coming",
    "DaemonOverview",
    "Failed",
    "MailOverview",
    "Overview",
    "Problem",
    "SourceOverview",
    "SubscriptionOverview",
    "Verdict",
    "as_contract",
    "coming",
    "headline",
    "look",
]
