"""The sites that are watched: which pages to ask for, and how an answer becomes papers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.sources.base import CATCH_UP, TAIL, Source
from watcher.sources.huggingface import HuggingFace

if TYPE_CHECKING:  # pydantic is slow to import, and the parsing process starts for every page
    from watcher.settings import SourceSettings

__all__ = ["CATCH_UP", "TAIL", "Source", "make_source"]


def make_source(settings: SourceSettings, base_url: str) -> Source:
    """The source a `[[sources]]` table describes, on the site at `base_url`."""
    return HuggingFace(
        name=settings.name, page=settings.page, query=settings.query, base_url=base_url
    )
