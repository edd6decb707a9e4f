"""One HTTP answer within bounds of time, bytes and redirects. Knows no papers."""

from watcher.fetch.fetcher import Fetcher

__all__ = ["Fetcher"]
