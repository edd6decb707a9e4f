"""Which processes are there; the rest is tried through `status`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.unprivileged import shut_out_of
from watcher.overview.gathering import has_process


def test_processes_are_known_whosever_they_are(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert has_process(os.getpid())
    assert not has_process(ended.pid)
    with shut_out_of(tmp_path):  # as nobody, where the tests run as root
        assert has_process(1)
