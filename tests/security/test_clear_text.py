"""No password in clear, where a name turns out to lead off this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOGIN = """
import asyncio, fcntl, socket, struct
from tests.mail.test_smtp import refusal, settings
from tests.smtpserver import SmtpServer
from watcher.mail.smtp import SmtpMailer

with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lo:  # netdevice(7)
    address = socket.inet_aton("192.0.2.1")
    fcntl.ioctl(lo, 0x8916, struct.pack("16sHH4s8x", b"lo", socket.AF_INET, 0, address))
    fcntl.ioctl(lo, 0x8914, struct.pack("16sH22x", b"lo", 1))  # up

class Elsewhere(SmtpServer):
    host = "192.0.2.1"

with Elsewhere(login=("ada", "secret"), is_auth_in_clear=True) as server:
    mailer = SmtpMailer(settings(server, username="ada", password="secret"))
    print(asyncio.run(refusal(mailer)))
    print([command.verb for command in server.commands])
"""
"""Alone in a network of its own, whose only address is none of loopback."""


@pytest.mark.booted
def test_no_password_goes_in_clear_where_a_name_leads_off_this_machine() -> None:
    """`mail.localhost` may, by /etc/hosts, which the configuration cannot see."""
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", LOGIN],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert "refusing to send a password in clear text" in done.stdout
    assert done.stdout.splitlines()[-1] == "['EHLO']"
