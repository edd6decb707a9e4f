"""The Maildir, read back by the standard library as a mail program would."""

from __future__ import annotations

import mailbox
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mail.conftest import MESSAGE, envelope
from watcher.errors import DeliveryError, LeaseLostError
from watcher.mail.maildir import MaildirMailer


async def delivered(path: Path, *args: str) -> str:
    async with MaildirMailer(path).session() as session:
        return await session.send(envelope(*args))


def files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


async def test_writes_the_very_bytes_for_its_owner_alone(tmp_path: Path) -> None:
    answer = await delivered(tmp_path / "deep" / "outbox")
    [file] = files(tmp_path)
    assert file.parent == tmp_path / "deep" / "outbox" / "new"
    assert str(file) in answer
    assert file.read_bytes() == MESSAGE
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_mail_programs_can_read_it(tmp_path: Path) -> None:
    await delivered(tmp_path / "outbox")
    [mail] = mailbox.Maildir(tmp_path / "outbox", create=False)
    assert mail["Message-ID"] == "<1@example.org>"


async def test_the_same_delivery_twice_is_one_file(tmp_path: Path) -> None:
    await delivered(tmp_path)
    assert "already" in await delivered(tmp_path)
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("suffix", [":2,", ":2,S", ",S=120:2,FS"])
async def test_also_when_it_has_been_read_meanwhile(tmp_path: Path, suffix: str) -> None:
    await delivered(tmp_path)
    [file] = files(tmp_path)
    file.rename(tmp_path / "cur" / (file.name + suffix))
    assert "already" in await delivered(tmp_path)
    assert len(files(tmp_path)) == 1


async def test_two_recipients_of_one_message_have_a_file_each(tmp_path: Path) -> None:
    await delivered(tmp_path, "ada@example.org")
    await delivered(tmp_path, "bob@example.org")
    assert len(files(tmp_path)) == 2


async def test_a_hostile_message_id_stays_in_the_maildir(tmp_path: Path) -> None:
    async with MaildirMailer(tmp_path / "outbox").session() as session:
        await session.send(envelope(message_id="<../../../evil\0\udc80:2,S>"))
    [file] = files(tmp_path)
    assert file.parent == tmp_path / "outbox" / "new"


async def test_a_path_that_is_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("here first")
    with pytest.raises(DeliveryError, match=r"\[mail\] maildir") as caught:
        await delivered(tmp_path / "outbox")
    assert caught.value.retryable
    assert caught.value.session
    assert caught.value.recipient == "ada@example.org"
    with pytest.raises(DeliveryError, match=str(tmp_path / "outbox")):
        await MaildirMailer(tmp_path / "outbox").probe()


@pytest.fixture
def _full_disk() -> Iterator[None]:
    """Files cannot grow beyond 100 bytes, as on a disk that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    signal.signal(signal.SIGXFSZ, former)


@pytest.mark.usefixtures("_full_disk")
async def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="File too large"):
        await delivered(tmp_path)
    assert not files(tmp_path)


async def test_probe_leaves_an_empty_maildir(tmp_path: Path) -> None:
    await MaildirMailer(tmp_path / "outbox").probe()
    assert {path.name for path in (tmp_path / "outbox").iterdir()} == {"cur", "new", "tmp"}
    assert not files(tmp_path)


def test_describes_itself(tmp_path: Path) -> None:
    mailer = MaildirMailer(tmp_path)
    assert mailer.describe() == f"the Maildir {tmp_path}"
    assert mailer.session_count == 1


async def test_what_another_process_has_taken_over_is_not_written(tmp_path: Path) -> None:
    async def gone() -> bool:
        return False

    async with MaildirMailer(tmp_path / "outbox").session() as session:
        with pytest.raises(LeaseLostError):
            await session.send(envelope(), gone)
    assert files(tmp_path) == []
