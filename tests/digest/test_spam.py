"""What SpamAssassin makes of the mails: its own rules alone, without the network.

Facts: spamassassin-run(1), Mail::SpamAssassin::Conf(3pm).
"""

from __future__ import annotations

import mailbox
import re
import subprocess
from contextlib import closing
from email import message_from_bytes
from email.utils import format_datetime

import pytest

from tests.digest import samples

pytestmark = pytest.mark.spamassassin

RULES = "/usr/share/spamassassin"
"""Those of the package, whatever this machine has downloaded since."""

SPAM = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
RECEIVED = (
    "Received: from mail.example.org (mail.example.org [93.184.215.14])\n"
    "\tby mx.example.com (Postfix) with ESMTPS id 4XyZ123456z1a\n"
    f"\tfor <{samples.RECIPIENT}>; {format_datetime(samples.NOW)}\n"
)
MAILS = {
    **{name: samples.message(made) for name, made in samples.digests().items()},
    **{name: samples.message(made, is_notice=True) for name, made in samples.notices().items()},
    "spam": f"From: {samples.SENDER}\r\nMessage-ID: <spam>\r\n\r\n{SPAM}\r\n".encode(),
}
NOT_SPAM = sorted(MAILS.keys() - {"spam"})


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """What each rule that holds is worth, by mail: the program is started once for all."""
    folder = tmp_path_factory.mktemp("spamassassin")
    with closing(mailbox.mbox(folder / "mails")) as box:
        for content in MAILS.values():
            box.add(RECEIVED.encode() + content.replace(b"\r\n", b"\n"))
    answered = subprocess.run(
        [
            *("spamassassin", "--local", "--nocreate-prefs", f"--configpath={RULES}"),
            *("--cf=use_bayes 0", "--cf=report_safe 0", "--cf=add_header all Points _TESTSSCORES_"),
            *("--mbox", str(folder / "mails")),
        ],
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        check=False,
    )
    assert answered.returncode == 0, answered.stderr.decode()
    judged = folder / "judged"
    judged.write_bytes(answered.stdout)
    # They come back in another order.
    names = {message_from_bytes(content)["Message-ID"]: name for name, content in MAILS.items()}
    with closing(mailbox.mbox(judged)) as box:
        return {names[mail["Message-ID"]]: points(mail["X-Spam-Points"]) for mail in box}


def points(told: str) -> dict[str, float]:
    """`A_RULE=0.1,ANOTHER=-1`, folded anywhere between them, as numbers."""
    return {name: float(worth) for name, worth in re.findall(r"(\w+)=(-?[\d.]+)", told)}


def test_what_is_spam_is_found(verdicts: dict[str, dict[str, float]]) -> None:
    assert sum(verdicts["spam"].values()) > 100


@pytest.mark.parametrize("name", NOT_SPAM)
def test_nothing_speaks_against_a_mail(verdicts: dict[str, dict[str, float]], name: str) -> None:
    against = {rule: worth for rule, worth in verdicts[name].items() if worth >= 0.1}
    assert against == {}  # less is what the program gives to rules that only inform
    assert sum(verdicts[name].values()) < 0.1


def test_a_digest_is_known_as_a_list_s(verdicts: dict[str, dict[str, float]]) -> None:
    assert verdicts["usual"]["MAILING_LIST_MULTI"] < 0
