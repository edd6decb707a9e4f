"""The whole way on one machine: a bundled site, real HTTP, the real engine, real SMTP, two days."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from watcher.demo.folder import opened
from watcher.demo.papers import SitePaper, bundled_papers
from watcher.demo.playing import Play
from watcher.demo.story import STORY, Moment

__all__ = ["run_demo"]


def run_demo(
    path: Path,
    say: Callable[[str], None],
    *,
    with_text: bool = False,
    papers: Sequence[SitePaper] | None = None,
    story: Sequence[Moment] = STORY,
) -> tuple[str, ...]:
    """Play the story into a folder and tell it to `say`, line by line.

    Returns what was not as it must be, in sentences. Raises WatcherError where the folder cannot
    be used.
    """
    with opened(path.resolve()) as folder:
        if folder.is_used:
            say(f"Removing what an earlier demo left in {path}: starting afresh.")
            folder.clear()
        play = Play(folder, say, with_text=with_text)
        asyncio.run(play.run(bundled_papers() if papers is None else papers, story))
        return tuple(play.deviations)
