"""The pages on which people subscribe, change their rules and leave, beside the daemon."""

from watcher.web.serving import serving

__all__ = ["serving"]
