"""The npm packages that package.json beside this file pins: `npm ci` here installs them."""

from __future__ import annotations

import shutil
from pathlib import Path

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"


def missing() -> str | None:
    """What has to be done before they can be used."""
    if not shutil.which("node"):
        return "needs node"
    if not (MODULES / ".package-lock.json").exists():
        return "needs npm ci in tests/web"
    return None
