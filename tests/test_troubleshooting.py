"""Every symptom in the README's troubleshooting is made to happen, and looks as it says."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import documents
from tests.authority import Authority
from tests.cli.looking import Asker, Said, beat, fill
from tests.documents import Row, named
from tests.fakesite import faults
from tests.fakesite.faults import Fault
from tests.world import TRENDING, WEIGHTS, World
from watcher import app
from watcher.store import leaving
from watcher.store.database import Database

SYMPTOMS = documents.rows("You see", "It means", "Do this")
AT_EIGHT = WEIGHTS.replace("each-check", "daily 08:00")


@dataclass(frozen=True, slots=True)
class Scene:
    """A world whose trending page holds three papers for Ada, and the commands asked in it."""

    world: World
    ask: Asker
    directory: Path

    def configure(self, *parts: str, subscription: str = WEIGHTS) -> None:
        self.world.configure(TRENDING, *parts, subscription)

    def check(self) -> None:
        async def run_pass() -> None:
            await self.world.run_pass()

        asyncio.run(run_pass())

    def spoil(self, fault: Fault) -> Said:
        self.configure()
        self.world.site.faults["*"] = fault
        return self.ask("check-now")


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # no services but a test's
    with World(tmp_path) as world:
        fill(world, 1, 2, 3)
        yield Scene(world, Asker(world), tmp_path)


def all_is_well(scene: Scene) -> Said:
    scene.configure()
    scene.check()
    beat(scene.world, pid=os.getpid(), host=socket.gethostname())
    return scene.ask("status")


def no_daemon(scene: Scene) -> Said:
    scene.configure()
    scene.check()
    return scene.ask("status")


def papers_wait(scene: Scene) -> Said:
    scene.configure(subscription=AT_EIGHT)
    scene.check()
    return scene.ask("status")


def wrong_password(scene: Scene) -> Said:
    scene.configure()
    scene.world.smtp.login, scene.world.smtp.is_auth_in_clear = ("ada", "right"), True
    login = {"WATCHER_SMTP__USERNAME": "ada", "WATCHER_SMTP__PASSWORD": "wrong"}
    return scene.ask("send-test", env=login)


def nothing_listens(scene: Scene) -> Said:
    scene.configure()
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        return scene.ask("send-test", env={"WATCHER_SMTP__PORT": str(deaf.getsockname()[1])})


def unknown_authority(scene: Scene) -> Said:
    scene.configure()
    scene.world.smtp.tls = Authority(scene.directory).server_context()
    return scene.ask("send-test", env={"WATCHER_SMTP__SECURITY": "starttls"})


def mail_is_stuck(scene: Scene) -> Said:
    scene.configure()
    scene.world.smtp.fail("connect", "421 4.3.2 try later")
    scene.check()
    return scene.ask("status")


def refused(scene: Scene) -> Said:
    scene.configure()
    scene.world.smtp.fail("rcpt", "550 5.1.1 no such user", recipient="ada@example.org")
    scene.check()
    return scene.ask("status")


def parked(scene: Scene) -> Said:
    scene.configure()
    scene.world.smtp.fail("dot", "accept+drop", times=1)
    text = scene.world.config_path.read_text()
    scene.world.config_path.write_text(text.replace("[mail]", '[mail]\nambiguous = "park"'))
    scene.check()
    return scene.ask("status")


def everybody_left(scene: Scene) -> Said:
    scene.configure()
    scene.check()
    database = Database(scene.world.config().store_url, writable=True)
    with database.write() as connection:
        leaving.leave(connection, "weights", "ada@example.org", scene.world.now)
    database.close()
    return scene.ask("status")


def no_way_for_mail(scene: Scene) -> Said:
    scene.world.config_path.write_text(WEIGHTS, encoding="utf-8")
    return scene.ask("check-now")


def blocked(scene: Scene) -> Said:
    return scene.spoil(faults.challenge())


def rate_limited(scene: Scene) -> Said:
    return scene.spoil(faults.rate_limited())


def failed(scene: Scene) -> Said:
    return scene.spoil(faults.answering(404))


def unused_proxy(scene: Scene) -> Said:
    scene.configure()
    return scene.ask("doctor", env={"HTTPS_PROXY": "http://proxy.example.org:3128"})


def degraded(scene: Scene) -> Said:
    return scene.spoil(faults.no_marks())


def renamed(scene: Scene) -> Said:
    scene.configure()
    scene.check()
    scene.configure(subscription=WEIGHTS.replace("weights", "hypernetworks"))
    scene.check()
    return scene.ask("status")


def another_writes(scene: Scene) -> Said:
    scene.configure()
    with app.writing(scene.world.config(), "run", scene.world.now):
        return scene.ask("check-now")


def misspelt(scene: Scene) -> Said:
    scene.configure("[health]\nquiet_dayz = 3\n")
    return scene.ask("check-config", "--offline")


def damaged(scene: Scene) -> Said:
    scene.configure()
    scene.world.state_dir.mkdir()
    (scene.world.state_dir / "watcher.db").write_bytes(b"no database at all\n" * 100)
    return scene.ask("check-now")


def lost(scene: Scene) -> Said:
    scene.configure()
    scene.ask("check-now")
    (scene.world.state_dir / "watcher.db").unlink()
    return scene.ask("check-now")


def readable_secret(scene: Scene) -> Said:
    secret = scene.directory / "hub-token"
    secret.write_text("hf_secret\n", encoding="utf-8")
    secret.chmod(0o644)
    scene.configure()
    return scene.ask("check-config", "--offline", env={"WATCHER_HTTP__TOKEN_FILE": str(secret)})


SCENES: dict[str, Callable[[Scene], Said]] = {
    "All is well": all_is_well,
    "No daemon alive": no_daemon,
    "3 papers": papers_wait,
    "535": wrong_password,
    "nothing listens there": nothing_listens,
    "the certificate is not trusted": unknown_authority,
    "mail is stuck": mail_is_stuck,
    "refused for good": refused,
    "is parked": parked,
    "there is no way to send mail": no_way_for_mail,
    "blocked": blocked,
    "rate-limited": rate_limited,
    "failed": failed,
    "only [http] proxy counts": unused_proxy,
    "degraded": degraded,
    "under a new name": renamed,
    "nobody is left of": everybody_left,
    "has been writing since": another_writes,
    "unknown key": misspelt,
    "is damaged": damaged,
    "is gone": lost,
    "can read": readable_secret,
}


def symptom(row: Row) -> str:
    return row.spans(0)[0]


def test_there_is_a_scene_for_each_symptom() -> None:
    assert [symptom(row) for row in SYMPTOMS] == list(SCENES)


@pytest.mark.parametrize("row", SYMPTOMS, ids=named([symptom(row) for row in SYMPTOMS]))
def test_what_goes_wrong_looks_as_it_says(row: Row, scene: Scene) -> None:
    said = SCENES[symptom(row)](scene)
    for span in row.spans(0):
        if span not in {"status", "run", "check-now", "pending"}:
            assert span in said.out + said.err, said
    if code := re.search(r"exit code (\d+)", row.cells[0]):
        assert said.code == int(code[1])
