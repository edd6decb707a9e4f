"""`python -m watcher` and the command `watcher`."""

from __future__ import annotations

import gc
import os
import sys

from watcher import __version__


def main() -> None:
    """Run the command line; what the arguments ask for is all that is imported."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        sys.stdout.write(f"watcher {__version__}\n")
        return
    os.umask(0o077)  # what we make is the owner's alone: it tells addresses and what is read
    gc.disable()  # looking for garbage among modules, where there is none, is a fifth of the start
    from watcher.cli import app  # noqa: PLC0415  # costs more than the answer above

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
