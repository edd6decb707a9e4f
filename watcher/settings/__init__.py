"""The configuration: read, checked, and explained where it is wrong."""

from __future__ import annotations

from watcher.settings.cadence import Cadence, parse_cadence
from watcher.settings.config import Config, require_mail, subscription_files
from watcher.settings.loading import RENAMED, load, load_edited, log_format
from watcher.settings.places import (
    SYSTEM_CONFIG,
    SYSTEM_STATE,
    find_config,
    find_state_dir,
    user_config,
)
from watcher.settings.snippet import parse_rule
from watcher.settings.stored import changed_alone, definition_of, read_definitions, with_stored
from watcher.settings.tables import (
    DkimSettings,
    HealthSettings,
    HttpSettings,
    LogSettings,
    MailSettings,
    PageKind,
    RuleSettings,
    ScheduleSettings,
    Settings,
    SmtpSettings,
    SourceSettings,
    StoreSettings,
    SubscriptionSettings,
    Table,
    TextField,
    TopicSettings,
)

__all__ = [
    "RENAMED",
    "SYSTEM_CONFIG",
    "SYSTEM_STATE",
    "Cadence",
    "Config",
    "DkimSettings",
    "HealthSettings",
    "HttpSettings",
    "LogSettings",
    "MailSettings",
    "PageKind",
    "RuleSettings",
    "ScheduleSettings",
    "Settings",
    "SmtpSettings",
    "SourceSettings",
    "StoreSettings",
    "SubscriptionSettings",
    "Table",
    "TextField",
    "TopicSettings",
    "changed_alone",
    "definition_of",
    "find_config",
    "find_state_dir",
    "load",
    "load_edited",
    "log_format",
    "parse_cadence",
    "parse_rule",
    "read_definitions",
    "require_mail",
    "subscription_files",
    "user_config",
    "with_stored",
]
