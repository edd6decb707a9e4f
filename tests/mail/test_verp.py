"""Senders that name their mail."""

from __future__ import annotations

import re

from watcher.mail.verp import Sender, new_sender, tokens_in

LONGEST = "b" * 39


def test_each_mail_has_a_sender_of_its_own_that_servers_take() -> None:
    found = [new_sender(f"{LONGEST}@example.org", "papers@example.org") for _ in range(100)]
    assert len({sender.token for sender in found}) == 100
    for sender in found:
        local, _, domain = sender.address.partition("@")
        assert (local, domain) == (f"{LONGEST}+{sender.token}", "example.org")
        assert len(local) == 64
        assert re.fullmatch("[a-z2-7]{24}", sender.token or "")
        assert tokens_in([sender.address]) == (sender.token,)


def test_switched_off_it_is_the_usual_one() -> None:
    assert new_sender("", "papers@example.org") == Sender("papers@example.org", None)


def test_tokens_are_found_in_whatever_case_and_text() -> None:
    token = "abcdefghijklmnopqrstuv23"
    texts = [
        f"Bounces <BOUNCES+{token.upper()}@EXAMPLE.ORG>, eve@example.org",
        f"bounces+{token}@example.org",
        "bounces+short@example.org",
        "bounces@example.org",
        f"bounces+{token}x@example.org",
        f"bounces+{token.replace('2', '1')}@example.org",
    ]
    assert tokens_in(texts) == (token,)
