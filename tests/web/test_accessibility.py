"""Mails in a browser as on a phone and a desk: axe finds nothing, nothing is fetched, all fits."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.digest.samples import OTHERS
from tests.web.chromium import Browser, Page
from tests.web.packages import MODULES

pytestmark = [pytest.mark.browser, pytest.mark.npm]

AXE = MODULES / "axe-core/axe.min.js"
RUN = "axe.run(document, {rules: {'target-size': {enabled: true}}})"
"""All rules of WCAG A and AA and the best practices; this one of WCAG 2.2 is off by default."""

WRONG = """\
<!DOCTYPE html><html lang="en"><title>wrong</title><body style="background:#fff">
<main><h1>Wrong</h1><p style="color:#ccc">pale</p><div style="width:500px">wide</div>
<img src="https://images.example.org/pixel.png"></main>
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as running:
        yield running


def judged(page: Page) -> dict[str, list[str]]:
    """The rules that do not hold or could not be judged, each with the elements."""
    page.evaluate(AXE.read_text("utf-8"))
    answer = page.evaluate(RUN)
    assert len(answer["passes"]) > 10
    return {
        rule["id"]: [node["html"] for node in rule["nodes"]]
        for rule in (*answer["violations"], *answer["incomplete"])
    }


def needed_width(page: Page) -> object:
    return page.evaluate("document.documentElement.scrollWidth")


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("name", "width"),
    [
        *product(("rich", "overfull", "source-degraded"), (320, 375, 700)),
        *product((f"rich-{code}" for code in OTHERS), (320,)),
    ],
)
def test_a_mail_is_for_everybody(
    browser: Browser, pages: dict[str, Path], name: str, width: int, is_dark: bool
) -> None:
    page = browser.open(pages[name], width=width, is_dark=is_dark)
    assert judged(page) == {}
    assert needed_width(page) == width, "nobody scrolls sideways"
    assert page.requests == [pages[name].as_uri()], "nothing tells the sender that it was read"
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(15, 17, 19)" if is_dark else "rgb(242, 243, 245)")
    page.close()


def test_what_is_wrong_is_found(browser: Browser, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.html"
    wrong.write_text(WRONG, encoding="utf-8")
    page = browser.open(wrong, width=320)
    assert {"color-contrast", "image-alt"} <= judged(page).keys()
    assert needed_width(page) == 508
    assert page.requests == [wrong.as_uri(), "https://images.example.org/pixel.png"]
    page.close()
