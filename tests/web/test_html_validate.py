"""The mails' HTML is valid, as html-validate sees it: all of its recommended rules but a few."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests.web.packages import FOLDER, MODULES
from watcher.digest import Notice, returned
from watcher.digest import notices as kinds

pytestmark = pytest.mark.npm

BROKEN = {
    "no-inline-style": "Gmail drops the style element for many accounts; what counts is inline",
    "no-deprecated-attr": "Outlook for Windows lays out by the attributes of tables",
    "no-conditional-comment": "the only way to give Outlook for Windows a width",
    "prefer-native-element": "many clients drop a main element; its role stays on a div",
    "long-title": "it is the mail's subject, which no search engine cuts",
}
"""The rules that a mail has to break, and why."""


@pytest.fixture(scope="module")
def findings(
    pages: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, set[str]]:
    """What html-validate says of all mails and of a page that is wrong, by its rule."""
    wrong = tmp_path_factory.mktemp("wrong") / "wrong.html"
    wrong.write_text("<p><div></p><img src=x>", encoding="utf-8")
    configuration = wrong.with_name("recommended.json")
    configuration.write_text('{"root": true, "extends": ["html-validate:recommended"]}')
    told = configuration.with_name("told.json")
    with told.open("wb") as output:  # it cuts what it tells a pipe
        ran = subprocess.run(
            [
                *("node", str(MODULES / "html-validate/bin/html-validate.mjs")),
                *("--config", str(configuration), "--formatter", "json"),
                *map(str, (*pages.values(), wrong)),
            ],
            cwd=FOLDER,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert ran.returncode == 1, ran.stderr.decode()
    found = defaultdict(set)
    for file in json.loads(told.read_bytes()):
        for each in file["messages"]:
            place = f"{Path(file['filePath']).stem}, line {each['line']}: {each['message']}"
            found[each["ruleId"]].add(place)
    return found


def test_every_kind_of_notice_is_among_the_samples(pages: dict[str, Path]) -> None:
    found = {
        each.kind for each in (*vars(kinds).values(), *vars(returned).values()) if is_notice(each)
    }
    assert len(found) >= 13
    assert found <= pages.keys()


def is_notice(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Notice) and found is not Notice


def test_the_mails_break_only_the_rules_that_a_mail_has_to_break(
    findings: dict[str, set[str]],
) -> None:
    of_mails = {
        rule: places
        for rule, found in findings.items()
        if (places := {place for place in found if not place.startswith("wrong,")})
    }
    assert {rule: of_mails[rule] for rule in of_mails.keys() - BROKEN.keys()} == {}
    assert BROKEN.keys() <= of_mails.keys(), "a rule that is kept needs no exception"


def test_what_is_wrong_is_found(findings: dict[str, set[str]]) -> None:
    wrong = {rule for rule, found in findings.items() if any("wrong," in place for place in found)}
    assert {"close-order", "wcag/h37", "attr-quotes"} <= wrong
