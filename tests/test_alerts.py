"""The alerts that are shipped ask for metrics that there are, and are explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests import documents
from tests.cli.looking import fill
from tests.documents import CHECKOUT, named
from tests.test_metrics import Samples, scraped, served
from tests.world import DAILY, WEIGHTS, World
from watcher.counting import Counting
from watcher.models import DeliveryState, Outcome

RULES = yaml.safe_load((CHECKOUT / "docs" / "alerts.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
LISTED = documents.rows("Metric", "Labels", "What it is")


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """All metrics: a daemon of which everything can be told, as mail is stuck and waits."""
    import asyncio

    with World(tmp_path_factory.mktemp("world")) as world:
        fill(world, 1)
        world.configure(DAILY, WEIGHTS)
        world.smtp.fail("rcpt", "451 4.7.1 greylisted", times=1)
        counting = Counting()
        counting.note_pass(asyncio.run(world.run_pass()), world.now, 1)
        world.later(hours=1)
        world.smtp.fail("connect", "421 4.3.2 not now")
        counting.note_pass(asyncio.run(world.run_pass()), world.now, 1)
        with served(world, counting) as port:
            return scraped(port)


def names(samples: Samples) -> set[str]:
    return {name.partition("{")[0] for name in samples}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_there_is(alert: dict[str, str], troubled: Samples) -> None:
    asked = re.findall(r"paper_watcher_(\w+)", alert["expr"])
    assert asked or alert["expr"].startswith("up{")
    assert set(asked) <= names(troubled)
    for label, values in re.findall(r'(outcome|state|result)=~?"([^"]+)"', alert["expr"]):
        known = {
            "outcome": {outcome.value for outcome in Outcome},
            "state": {state.value for state in DeliveryState},
            "result": {"well", "trouble", "failed"},
        }[label]
        assert set(values.split("|")) <= known


def test_alerts_have_what_prometheus_wants_of_them() -> None:
    for alert in ALERTS:
        assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"[0-9]+[mh]", alert.get("for", "1m"))
        assert alert["labels"]["severity"] in {"critical", "warning", "info"}
        assert alert["annotations"]["summary"].endswith(".")
        assert alert["expr"].count("(") == alert["expr"].count(")")


@pytest.mark.parametrize("state", ["dead", "expired", "parked"])
def test_a_mail_that_ends_undelivered_or_waits_for_a_word_has_an_alert(state: str) -> None:
    assert any(
        state in states.split("|")
        for alert in ALERTS
        for states in re.findall(r'deliveries\{state=~?"([^"]+)"', alert["expr"])
    )


def test_each_alert_is_explained() -> None:
    told = [row.spans(0)[0] for row in documents.rows("Alert", "It means", "Do this")]
    assert told == [alert["alert"] for alert in ALERTS]


def test_each_metric_is_listed_and_each_that_is_listed_is_there(troubled: Samples) -> None:
    ours = {name for name in names(troubled) if not name.startswith(("process_", "python_"))}
    assert {row.spans(0)[0] for row in LISTED} == ours - {"checks_created", "passes_created"}


@pytest.mark.parametrize("row", LISTED, ids=named([row.spans(0)[0] for row in LISTED]))
def test_its_labels_are_those_that_are_listed(row: documents.Row, troubled: Samples) -> None:
    [name] = row.spans(0)
    shown = {
        tuple(sorted(re.findall(r'(\w+)="', sample)))
        for sample in troubled
        if sample.partition("{")[0] == name
    }
    assert shown == {tuple(sorted(row.spans(1)))}


def test_the_job_that_is_shown_is_the_one_that_is_asked_for() -> None:
    [block] = documents.blocks("yaml", "prometheus.yml")
    shown = yaml.safe_load(block.text)
    [job] = shown["scrape_configs"]
    assert any(f'job="{job["job_name"]}"' in alert["expr"] for alert in ALERTS)
    assert job["static_configs"][0]["targets"] == ["127.0.0.1:9464"]
    assert shown["rule_files"] == [Path("docs/alerts.yml").name]
