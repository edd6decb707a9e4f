"""What a mail says: choosing, ordering, rendering, and the message's bytes."""

from watcher.digest.message import boundary_for, build_message, list_headers, message_id
from watcher.digest.notice import Notice, render_notice
from watcher.digest.notices import (
    ConfigBroken,
    DeliveryExpired,
    Gap,
    MailStuck,
    NearMiss,
    PapersSkipped,
    Quiet,
    RecipientDead,
    RenameSuspected,
    SourceDegraded,
    SourceRecovered,
)
from watcher.digest.render import render_digest
from watcher.digest.returned import MailReturned, RecipientPaused

__all__ = [
    "ConfigBroken",
    "DeliveryExpired",
    "Gap",
    "MailReturned",
    "MailStuck",
    "NearMiss",
    "Notice",
    "PapersSkipped",
    "Quiet",
    "RecipientDead",
    "RecipientPaused",
    "RenameSuspected",
    "SourceDegraded",
    "SourceRecovered",
    "boundary_for",
    "build_message",
    "list_headers",
    "message_id",
    "render_digest",
    "render_notice",
]
