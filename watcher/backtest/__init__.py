"""Rules tried on papers of the past: what they find, what an edit changes, what could be better."""

from watcher.backtest.feedback import Feedback, FeedbackReplay, Verdict, replay_feedback
from watcher.backtest.figures import a_day, grouped, percent
from watcher.backtest.page import render_page
from watcher.backtest.replay import RuleReplay, SubscriptionReplay, WordUse, judged, reads, replay
from watcher.backtest.report import Report, Tried
from watcher.backtest.suggesting import Suggestion, Suggestions, suggest
from watcher.backtest.warning import RuleWarning
from watcher.backtest.window import Edit, SeenPaper, Window

__all__ = [
    "Edit",
    "Feedback",
    "FeedbackReplay",
    "Report",
    "RuleReplay",
    "RuleWarning",
    "SeenPaper",
    "SubscriptionReplay",
    "Suggestion",
    "Suggestions",
    "Tried",
    "Verdict",
    "Window",
    "WordUse",
    "a_day",
    "grouped",
    "judged",
    "percent",
    "reads",
    "render_page",
    "replay",
    "replay_feedback",
    "suggest",
]
