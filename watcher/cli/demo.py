"""`demo`: the whole way without network, account or configuration."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from watcher import logs
from watcher.cli.common import ALL_SOURCES_FAILED, VerboseOption, common, fail, guarded


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("demo")(demo)


@guarded
def demo(
    context: typer.Context,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where mails, config and database go. [default: a new one]"),
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Print the mails' text, too.")] = False,
    verbose: VerboseOption = 0,
) -> None:
    """The whole way without network, account or config: two simulated days, real mails."""
    from watcher.demo import run_demo

    # An outage is part of the story, and told there.
    logs.configure(common(context, verbose=verbose).level("error"))
    folder = out or Path(tempfile.mkdtemp(prefix="paper-watcher-demo-"))
    conclude(folder, run_demo(folder, _print, with_text=text))


def conclude(folder: Path, deviations: Sequence[str]) -> None:
    """Say where everything lies; 1 where something was not as it must be."""
    if deviations:
        fail("\n".join(["the demo did not go as it must:", *deviations]), ALL_SOURCES_FAILED)
    place = shlex.quote(str(folder))
    print(f"\nEvery mail came that had to come, and each once. They lie in {folder}:")
    print("    *.html          each mail, to open in a browser (the site in them is gone)")
    print("    maildir/        the mails as they arrived")
    print("    watcher.toml    the configuration that was used")
    print("    watcher.db      what was stored; to look into it:")
    print(f"watcher --config {place}/watcher.toml --state-dir {place} history")


def _print(line: str) -> None:
    print(line, flush=True)
