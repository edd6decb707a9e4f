"""The configuration: its keys, their defaults and their bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from watcher.models import PageKind

TextField = Literal["title", "abstract", "keywords", "summary"]


class Table(BaseModel):
    """A TOML table: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class ScheduleSettings(Table):
    """[schedule]."""

    timezone: str = ""
    check: str = "*/30 * * * *"


class HttpSettings(Table):
    """[http]."""

    base_url: str = "https://huggingface.co"
    user_agent: str = ""
    token: SecretStr = SecretStr("")
    token_file: Path | None = None
    proxy: str = ""
    ca_file: Path | None = None
    timeout: float = 60
    max_bytes: int = 8_000_000


class StoreSettings(Table):
    """[store]."""

    url: str = "sqlite:///watcher.db"
    keep_days: int = 400


class MailSettings(Table):
    """[mail]; `from_` is the key `from`."""

    transport: Literal["smtp", "maildir", "sendmail"] = "smtp"
    from_: str = Field("", alias="from")
    operator: str = ""
    unsubscribe: str = ""
    maildir: Path = Path("outbox")
    sendmail: Path = Path("/usr/sbin/sendmail")


class SmtpSettings(Table):
    """[smtp]."""

    host: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    ca_file: Path | None = None
    helo: str = ""
    connections: int = 4
    timeout: float = 60


class HealthSettings(Table):
    """[health]."""

    quiet_days: int = 7


class LogSettings(Table):
    """[log]."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json", "plain"] = "auto"
    file: Path | None = None


class SourceSettings(Table):
    """[[sources]]."""

    name: str
    kind: Literal["huggingface"] = "huggingface"
    page: PageKind
    query: str = ""


class TopicSettings(Table):
    """[topics.NAME]."""

    any: tuple[str, ...]


class RuleSettings(Table):
    """[[subscriptions.rules]]."""

    name: str = ""
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    fields: tuple[TextField, ...] = ("title", "abstract", "keywords")
    min_upvotes: int = 0
    min_stars: int = 0
    has_code: bool = False


class SubscriptionSettings(Table):
    """[[subscriptions]]; `id` is `name`, or `file/name` from `subscriptions.d`."""

    id: str
    name: str = "papers"
    to: tuple[str, ...]
    timezone: str = ""
    digest: str = "daily 08:00"
    sources: tuple[str, ...] = ()
    max_papers: int = 30
    max_age_days: int = 0
    first_run: Literal["send", "baseline"] = "send"
    rules: tuple[RuleSettings, ...] = ()
    topics: dict[str, TopicSettings] = Field(default_factory=dict)  # its own file's


class Settings(Table):
    """The whole of a configuration, checked."""

    schedule: ScheduleSettings = ScheduleSettings()
    http: HttpSettings = HttpSettings()
    store: StoreSettings = StoreSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    health: HealthSettings = HealthSettings()
    log: LogSettings = LogSettings()
    sources: tuple[SourceSettings, ...] = ()
    topics: dict[str, TopicSettings] = Field(default_factory=dict)
    subscriptions: tuple[SubscriptionSettings, ...] = ()
