"""Where the files that are no Python live: inside an installed package, or in a checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

Name = Literal["templates", "systemd", "config.example.toml"]

_PACKAGE = Path(__file__).parent


def resource(name: Name) -> Path:
    """The path of a directory or file that is shipped beside the code.

    The wheel holds it as `watcher/_NAME`; an editable install has it at the top of the checkout,
    because hatchling's `force-include` does nothing for those.
    """
    shipped = _PACKAGE / f"_{name}"
    return shipped if shipped.exists() else _PACKAGE.parent / name
