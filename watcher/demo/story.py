"""What happens in the demo's two days, and which mails must come of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template

ADA, EMMY, KURT = "ada@example.org", "emmy@example.org", "kurt@example.org"

CONFIG = Template("""\
# The configuration of `watcher demo`. Its site and its mail server are gone; what was stored is in
# this directory. To look into it from here: watcher --config watcher.toml --state-dir . history

[schedule]
timezone = "UTC"

[http]
base_url = "$site_url"

[mail]
from = "Papers <papers@example.org>"
operator = "operator@example.org"

[smtp]
host = "127.0.0.1"
port = $smtp_port
security = "none"

[[sources]]
name = "trending"
kind = "huggingface"
page = "trending"

[[sources]]
name = "daily"
kind = "huggingface"
page = "daily"

[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "daily 08:00"

[[subscriptions.rules]]
name = "weights as data"
any = ["hypernetwork*", "model zoo", '"LoRA"']
none = ["survey"]

[[subscriptions.rules]]
name = "agents that many read"
any = ["agents"]
min_upvotes = 20

[[subscriptions]]
name = "proofs"
to = ["emmy@example.org", "kurt@example.org"]
digest = "daily 08:00"

[[subscriptions.rules]]
name = "machine proofs"
any = ["theorem proving", "formal proof*"]
""")


@dataclass(frozen=True, slots=True)
class Moment:
    """A check at `at`; `text` says what is to be seen.

    `mails` are the ids of the papers that each recipient must get in one mail (no key: no mail).
    `is_down`: the site answers nothing but errors.
    """

    at: dt.datetime
    text: str
    mails: Mapping[str, frozenset[str]] = field(default_factory=dict)
    is_down: bool = False


def _at(day: int, hour: int, minute: int) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, minute, tzinfo=dt.UTC)


STORY = (
    Moment(
        _at(11, 7, 30),
        "The first look. What matches waits for 08:00. A survey is kept out by `none`, an agents"
        " paper by its few votes, and the radio called Lora is not the LoRA of the rule.",
    ),
    Moment(
        _at(11, 8, 0),
        "The slot of both subscriptions has come: one digest each, one mail to each recipient.",
        {
            ADA: frozenset({"2603.90005", "2603.90011"}),
            EMMY: frozenset({"2603.90015"}),
            KURT: frozenset({"2603.90015"}),
        },
    ),
    Moment(
        _at(11, 12, 0), "The same papers with more votes. Nothing is new, so nothing is mailed."
    ),
    Moment(
        _at(11, 18, 0),
        "The site failed. That is not the same as nothing new, and nowhere looks like it.",
        is_down=True,
    ),
    Moment(
        _at(12, 0, 40),
        "It is up again. A paper came after midnight on yesterday's page, and an old one is back"
        " on the trending page.",
    ),
    Moment(
        _at(12, 8, 0),
        "The second digest: only what is new since the first. The agents paper has reached 20"
        " votes. No proofs today, so Emmy and Kurt get no mail.",
        {ADA: frozenset({"2309.90007", "2603.90014", "2603.90021", "2603.90024"})},
    ),
    Moment(_at(12, 12, 0), "Nothing is new again."),
)

CROSSING = ("2603.90014", "reached 20 votes")
"""The paper that becomes news by its votes, and what its mail must say."""
