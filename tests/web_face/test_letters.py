"""Mails of the pages while the mail server is busy or away, and when it refuses."""

from __future__ import annotations

import pytest
import structlog

from tests.web_face.browsing import ask, asking_mail, link_in, pages_of
from tests.world import World
from watcher.web.post import Pace

EVE = "eve@example.org"
AGAIN_AT_ONCE = Pace(before_first=(0.0, 0.0), after=(0.0,))


@pytest.mark.parametrize("stage", ["connect", "rcpt", "dot"])
def test_a_server_that_is_busy_is_asked_again_and_the_mail_comes_once(
    world: World, stage: str
) -> None:
    world.smtp.fail(stage, "450 4.7.1 come back later", times=2)  # type: ignore[arg-type]  # a Stage
    with (
        structlog.testing.capture_logs() as logs,
        pages_of(world, pace=AGAIN_AT_ONCE) as browser,
    ):
        mail = asking_mail(world, browser, EVE)
        assert browser.get(link_in(mail, "confirm")).heading == "Is this right?"
    assert [each.recipient for each in world.mails] == [EVE]
    waited = [each for each in logs if each["event"] == "a mail of the pages waits"]
    assert len(waited) == 2


def test_a_refusal_for_good_is_logged_without_the_link_that_it_quotes(world: World) -> None:
    quoting = "554 5.7.1 blocked: https://papers.example.org/confirm/WyJ7SGF.secret and more"
    world.smtp.fail("dot", quoting)
    with structlog.testing.capture_logs() as logs, pages_of(world) as browser:
        ask(world, browser, EVE)
    [refused] = [each for each in logs if "mail of the pages" in each["event"]]
    assert refused["event"] == "a mail of the pages was not sent"
    assert "blocked: https://papers.example.org/confirm/… and more" in refused["error"]
    assert "secret" not in str(logs)
    assert world.mails == []
