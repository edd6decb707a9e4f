"""One HTTP answer within bounds of time, bytes and redirects. Knows no papers."""

from watcher.fetch.fetcher import Fetcher
from watcher.fetch.ping import ping

__all__ = ["Fetcher", "ping"]
