from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.digest.builders import NOW, texts
from tests.digest.html import our_signatures, parsed, shown, signatures
from watcher.digest import (
    ConfigBroken,
    DeliveryExpired,
    Gap,
    MailParked,
    MailReturned,
    MailStuck,
    NearMiss,
    Notice,
    PapersSkipped,
    Quiet,
    RecipientDead,
    RecipientPaused,
    RenameSuspected,
    SourceDegraded,
    SourceRecovered,
    TemplatesBroken,
    render_notice,
)
from watcher.models import Outcome, Skipped

LATER = NOW + dt.timedelta(hours=5)
SINCE = "Thu 19 Feb 2026, 07:00 UTC"


def notices(text: str) -> list[Notice]:
    """One of each kind, with `text` wherever text goes."""
    return [
        *(SourceDegraded(text, o, NOW, (text,), 3, text, (text,)) for o in Outcome),
        SourceRecovered(text, NOW, LATER),
        RecipientDead(text, text, text),
        RecipientPaused(text, text, text),
        MailReturned(text, text, text),
        MailParked(text, text, 12, text),
        DeliveryExpired(text, text, NOW, 31, text),
        MailStuck(NOW, text, 2),
        ConfigBroken((text,) * 30),
        PapersSkipped(text, text, (Skipped(3, text),)),
        Quiet(7, 412, (NearMiss(text, text, text, text),)),
        Quiet(1, 5),
        Quiet(7, 0),
        RenameSuspected(text, text),
        Gap(text, NOW, LATER),
        TemplatesBroken(text),
    ]


@pytest.mark.parametrize(
    ("notice", "subject", "told"),
    [
        (
            SourceDegraded(
                *("trending", Outcome.DEGRADED, NOW, ("3 papers, usually 50",), 3),
                *("https://huggingface.co/papers/trending", ("votes: 0",)),
            ),
            "trending looks different from usual",
            (
                *(SINCE, "3 checks", "3 papers, usually 50", "votes: 0", "valid new papers"),
                *(
                    "https://huggingface.co/papers/trending",
                    "check-now --dry-run --source trending",
                ),
            ),
        ),
        (
            SourceDegraded("a b", Outcome.BLOCKED, NOW, ("challenge",), 1),
            "a b is blocked by the site's firewall",
            (SINCE, "1 check so far", "No new papers come from it", "--source 'a b'"),
        ),
        (
            SourceDegraded("a", Outcome.EMPTY, NOW, (), 1),
            "a is empty",
            (SINCE,),
        ),
        (
            SourceRecovered("daily", NOW, LATER),
            "daily is well again",
            (SINCE, "Thu 19 Feb 2026, 12:00 UTC", "watcher status"),
        ),
        (
            RecipientDead("weights", "ada@example.org", "550 no such user"),
            "ada@example.org was refused",
            ("weights", "550 no such user", "watcher check-config"),
        ),
        (
            RecipientPaused("weights", "ada+x@example.org", "550 no such user"),
            "ada+x@example.org is paused: mail comes back",
            (
                *("weights", "550 no such user", "Other recipients are not affected"),
                "watcher subscriptions resume ada+x@example.org",
            ),
        ),
        (
            MailReturned("weights", "ada@example.org", "552 mailbox full"),
            "a digest to ada@example.org came back",
            ("weights", "552 mailbox full", "tried as usual", "watcher check-config"),
        ),
        (
            MailParked("weights", "ada@example.org", 12, "no answer in time"),
            "did a digest reach ada@example.org?",
            (
                *("weights", "no answer in time", "may have taken it or not", "--drop"),
                "watcher resend 12 --to ada@example.org",
            ),
        ),
        (
            DeliveryExpired("weights", "ada@example.org", NOW, 1, "451 later"),
            "a digest to ada@example.org was given up",
            ("weights", SINCE, "once", "451 later", "watcher status"),
        ),
        (
            MailStuck(NOW, "nothing listens there", 1),
            "mail is stuck",
            (SINCE, "nothing listens there", "1 mail", "Nothing is lost", "watcher send-test"),
        ),
        (
            ConfigBroken(("ada.toml, line 3: unknown key",)),
            "the configuration has mistakes",
            ("ada.toml, line 3: unknown key", "last good rules", "watcher check-config"),
        ),
        (
            PapersSkipped("daily", "https://x.example/p", (Skipped(0, "no id"), Skipped(4, "x"))),
            "2 records of daily could not be read",
            ("no. 1: no id", "no. 5: x", "https://x.example/p", "--source daily"),
        ),
        (
            Quiet(7, 1, (NearMiss("weights", "2601.00001", "The $x^2$", "3 of 20 votes"),)),
            "still watching: 1 paper seen, none matched",
            ("7 days", "weights: The x² (2601.00001): 3 of 20 votes", "explain 2601.00001"),
        ),
        (
            Quiet(1, 0),
            "still watching: no papers seen, none matched",
            ("1 day", "unusual", "watcher status"),
        ),
        (
            RenameSuspected("old", "team/new"),
            "was old renamed to team/new?",
            ("waits", "watcher rename old team/new", "subscriptions resume team/new"),
        ),
        (
            Gap("trending", NOW, LATER),
            "a gap in trending",
            (SINCE, "Thu 19 Feb 2026, 12:00 UTC", "were not seen", "watcher status"),
        ),
    ],
)
def test_each_kind_says_what_since_when_and_what_next(
    notice: Notice, subject: str, told: tuple[str, ...]
) -> None:
    rendered = render_notice(notice)
    assert rendered.subject == f"paper-watcher: {subject}"
    for text in (" ".join(rendered.text.split()), shown(rendered.html)):
        for words in told:
            assert words in text
        assert "For the mails:" in text
        assert "What to do:" in text
    assert parsed(rendered.html).css("title")[0].text() == rendered.subject
    assert rendered == render_notice(notice)


def test_kinds_are_distinct() -> None:
    kinds = {type(notice): notice.kind for notice in notices("x")}
    assert len(set(kinds.values())) == len(kinds) == 14


def test_many_findings_are_bounded() -> None:
    text = render_notice(ConfigBroken(tuple(f"problem {n}" for n in range(50)))).text
    assert "- problem 19\n- and 30 more\n" in text


def test_the_text_reads_well() -> None:
    assert (
        render_notice(MailStuck(NOW, "nothing listens there", 2)).text
        == """\
No mail can be sent

Since: Thu 19 Feb 2026, 07:00 UTC
Error: nothing listens there
Waiting: 2 mails

For the mails: Nothing is lost. While this lasts no digest is composed;
afterwards the waiting mails go first, then one digest of all that is new.

What to do: Check the [smtp] settings and try a mail:

    watcher send-test
"""
    )


@given(
    texts, st.sampled_from([lambda text, n=n: notices(text)[n] for n in range(len(notices("")))])
)
def test_nothing_hostile_gets_through(text: str, made: Callable[[str], Notice]) -> None:
    rendered = render_notice(made(text))
    assert signatures(rendered.html) <= our_signatures()
    assert "\n" not in rendered.subject
    assert not set(rendered.subject + rendered.text) & set("\x00\x1b\u2028\u202e\ud800")
