from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Machine:
    """Programs that only write down how they were called, and fail or answer when told to."""

    root: Path

    @property
    def calls(self) -> list[str]:
        ledger = self.root / "ledger"
        return ledger.read_text().splitlines() if ledger.exists() else []

    @property
    def crontab(self) -> Path:
        return self.root / "crontab"

    def program(self, name: str, script: str = "") -> None:
        path = self.root / "bin" / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {self.root}/ledger\n{script}\n')
        path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path / "machine")
    (machine.root / "bin").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{machine.root / 'bin'}:/usr/bin:/bin")
    for name in ("systemctl", "loginctl", "systemd-sysusers", "chgrp", "chmod", "launchctl"):
        machine.program(name)
    table = machine.crontab
    machine.program(
        "crontab",
        f'if [ "$1" = -l ]; then cat {table} 2>/dev/null && exit 0\n'
        f'echo "no crontab for ada" >&2; exit 1; fi\ncat > {table}',
    )
    return machine
