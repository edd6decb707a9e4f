"""What a mail says: choosing, ordering, rendering, and the message's bytes."""

from watcher.digest.headers import (
    AUTOMATIC,
    boundary_for,
    list_headers,
    message_id,
    thread_headers,
    unsubscribe_url,
)
from watcher.digest.language import TAGS as LANGUAGE_TAGS
from watcher.digest.message import Letter
from watcher.digest.notice import Notice, render_notice
from watcher.digest.notices import (
    ConfigBroken,
    DeliveryExpired,
    Gap,
    MailParked,
    MailStuck,
    NearMiss,
    PapersSkipped,
    Quiet,
    RecipientDead,
    RenameSuspected,
    SourceDegraded,
    SourceRecovered,
    TemplatesBroken,
)
from watcher.digest.one_click import OneClick
from watcher.digest.render import render_digest
from watcher.digest.returned import MailReturned, RecipientPaused

__all__ = [
    "AUTOMATIC",
    "LANGUAGE_TAGS",
    "ConfigBroken",
    "DeliveryExpired",
    "Gap",
    "Letter",
    "MailParked",
    "MailReturned",
    "MailStuck",
    "NearMiss",
    "Notice",
    "OneClick",
    "PapersSkipped",
    "Quiet",
    "RecipientDead",
    "RecipientPaused",
    "RenameSuspected",
    "SourceDegraded",
    "SourceRecovered",
    "TemplatesBroken",
    "boundary_for",
    "list_headers",
    "message_id",
    "render_digest",
    "render_notice",
    "thread_headers",
    "unsubscribe_url",
]
