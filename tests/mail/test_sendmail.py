"""The sendmail transport with programs that behave as such programs do."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from tests.disks import no_room
from tests.mail.conftest import envelope
from watcher.errors import DeliveryError, LeaseLostError
from watcher.mail.sendmail import SendmailMailer


def program(directory: Path, body: str) -> Path:
    path = directory / "sendmail"
    path.write_text(f"#!{sys.executable} -S\nimport os, signal, sys\n{body}\n")
    path.chmod(0o755)
    return path


async def run(path: Path, recipient: str = "ada@example.org", *, seconds: float = 20) -> str:
    async with SendmailMailer(path, timeout=seconds).session() as session:
        return await session.send(envelope(recipient))


async def refusal(path: Path, recipient: str = "ada@example.org") -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await run(path, recipient)
    assert caught.value.recipient == recipient
    return caught.value


async def test_gives_the_mail_with_local_line_ends_and_addresses_as_arguments(
    tmp_path: Path,
) -> None:
    path = program(
        tmp_path,
        "here = os.path.dirname(__file__)\n"
        "open(here + '/mail', 'wb').write(sys.stdin.buffer.read())\n"
        "open(here + '/arguments', 'w').write('\\n'.join(sys.argv[1:]))",
    )
    assert str(path) in await run(path, "-oQ/tmp@example.org")
    sent = (tmp_path / "mail").read_bytes()
    assert sent == envelope().message.replace(b"\r\n", b"\n")
    assert (tmp_path / "arguments").read_text().splitlines() == [
        *("-i", "-f", "papers@example.org", "--", "-oQ/tmp@example.org"),
    ]


@pytest.mark.parametrize(
    ("code", "is_retryable", "is_session"),
    [
        (65, False, False),
        (67, False, False),
        (68, False, False),
        (64, True, False),
        (69, True, False),
        (75, True, False),
        (77, True, True),
        (78, True, True),
        (1, True, False),
    ],
)
async def test_exit_codes(tmp_path: Path, code: int, is_retryable: bool, is_session: bool) -> None:
    body = f"print('first\\nthe \\x1b[31mreason\\n', file=sys.stderr)\nsys.exit({code})"
    error = await refusal(program(tmp_path, body))
    assert error.retryable is is_retryable
    assert error.session is is_session
    assert not error.is_ambiguous
    assert f"code {code}" in str(error)
    assert str(error).endswith(": the [31mreason")


async def test_a_silent_failure_still_says_its_code(tmp_path: Path) -> None:
    error = await refusal(program(tmp_path, "sys.exit(75)"))
    assert str(error).endswith("ended with code 75")


async def test_death_by_a_signal_is_retryable(tmp_path: Path) -> None:
    error = await refusal(program(tmp_path, "os.kill(os.getpid(), 9)"))
    assert error.retryable
    assert error.is_ambiguous, "it may have queued the mail before"
    error = await refusal(program(tmp_path, "sys.exit(128 + 9)"))
    assert error.is_ambiguous, "a shell around it says so of it"


async def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    path = program(tmp_path, f"os.fork()\nopen({str(fifo)!r}, 'w')\nsignal.pause()")
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(DeliveryError, match=r"within 0\.5 s") as caught:
            await run(path, seconds=0.5)
        assert caught.value.retryable
        assert caught.value.is_ambiguous
        os.set_blocking(reader, True)
        # Ends only when the last process that holds the other end is gone.
        assert await asyncio.to_thread(os.read, reader, 1) == b""
    finally:
        os.close(reader)


async def test_being_cancelled_kills_the_program(tmp_path: Path) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    path = program(tmp_path, f"open({str(fifo)!r}, 'w').write('x')\nsignal.pause()")
    sending = asyncio.create_task(run(path))
    assert await asyncio.to_thread(fifo.read_text) == "x"
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_a_child_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "left"
    os.mkfifo(fifo)
    path = program(tmp_path, f"os.fork() or open({str(fifo)!r}).read()")
    await run(path)
    await asyncio.to_thread(fifo.write_text, "")  # waits for the child, which ends now


async def test_a_chatty_program_that_reads_nothing(tmp_path: Path) -> None:
    path = program(tmp_path, "sys.stderr.write('x' * 1_000_000)\nsys.exit(75)")
    error = await refusal(path)
    assert len(str(error)) < 600


async def test_a_missing_program_is_the_session_s_trouble(tmp_path: Path) -> None:
    mailer = SendmailMailer(tmp_path / "sendmail", timeout=20)
    error = await refusal(mailer.program)
    assert error.session
    assert error.retryable
    with pytest.raises(DeliveryError, match=r"\[mail\] sendmail") as caught:
        await mailer.probe()
    assert caught.value.session


async def test_a_disk_without_room_for_a_moment_is_the_session_s_trouble(tmp_path: Path) -> None:
    path = program(tmp_path, f"open({str(tmp_path / 'run')!r}, 'w')")
    with no_room(10):
        error = await refusal(path)
    assert "no temporary file can be written: File too large" in str(error)
    assert error.session
    assert error.retryable
    assert not error.is_ambiguous
    assert not (tmp_path / "run").exists()
    await run(path)


async def test_an_address_no_program_can_be_given_is_dead(tmp_path: Path) -> None:
    error = await refusal(program(tmp_path, ""), "a\0@example.org")
    assert not error.retryable
    assert not error.session


async def test_probe_accepts_a_program_and_runs_nothing(tmp_path: Path) -> None:
    mailer = SendmailMailer(program(tmp_path, "sys.exit(1)"), timeout=20)
    await mailer.probe()
    assert mailer.describe() == f"the program {tmp_path / 'sendmail'}"
    assert mailer.session_count == 1


async def test_what_another_process_has_taken_over_is_not_handed_on(tmp_path: Path) -> None:
    async def gone() -> bool:
        return False

    mailer = SendmailMailer(program(tmp_path, f"open({str(tmp_path / 'ran')!r}, 'w')"), timeout=20)
    async with mailer.session() as session:
        with pytest.raises(LeaseLostError):
            await session.send(envelope(), gone)
    assert not (tmp_path / "ran").exists()
