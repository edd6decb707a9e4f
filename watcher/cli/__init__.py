"""The commands; nothing else prints."""

from __future__ import annotations

from watcher.cli.root import app

__all__ = ["app"]
