"""The tables of a configuration: their keys, defaults and bounds.

What one value must be stands here; what several must be together stands in `together`.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from watcher.settings import listening, values
from watcher.settings.cadence import check_cron, parse_cadence
from watcher.settings.kinds import (
    Address,
    Addresses,
    BounceAddress,
    Count,
    Day,
    Days,
    FilePath,
    LanguageCode,
    LanguageIfAny,
    Listed,
    Lowered,
    Name,
    OneLine,
    PingUrl,
    Rate,
    Seconds,
    SenderIfAny,
    Texts,
    TimeAsText,
    Zone,
    lowered,
)

PageKind = Literal["daily", "weekly", "monthly", "trending", "search"]
TextField = Literal["title", "abstract", "keywords", "summary"]


class Table(BaseModel):
    """A TOML table: immutable, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, hide_input_in_errors=True
    )


class ScheduleSettings(Table):
    """[schedule]; a loaded configuration always names a time zone."""

    timezone: Zone = Field("", examples=["Europe/Paris"])
    check: Annotated[str, AfterValidator(check_cron)] = "*/30 * * * *"


class HttpSettings(Table):
    """[http]; an empty `user_agent` is the program's own, `timeout` is seconds for an answer."""

    base_url: Annotated[str, AfterValidator(values.base_url)] = "https://huggingface.co"
    user_agent: OneLine = ""
    token: SecretStr = SecretStr("")
    token_file: FilePath = None
    proxy: Annotated[str, AfterValidator(values.proxy)] = Field("", repr=False)
    ca_file: FilePath = None
    timeout: Seconds = 60
    per_minute: Count = 0
    max_bytes: Annotated[Count, Field(ge=1)] = 8_000_000


class StoreSettings(Table):
    """[store]; `url` as written: `Config.store_url` is the one to open."""

    url: Annotated[str, AfterValidator(values.store_url)] = Field(
        "sqlite:///watcher.db", repr=False
    )
    keep_days: Annotated[Days, Field(ge=1)] = 400


class MailSettings(Table):
    """[mail]; `from_` is the key `from`: an address, or `Name <address>`."""

    transport: Annotated[Literal["smtp", "maildir", "sendmail"], Lowered] = "smtp"
    from_: SenderIfAny = Field("", alias="from", examples=["Papers <papers@example.org>"])
    operator: Address = Field("", examples=["root@example.org"])
    unsubscribe: Address = Field("", examples=["papers@example.org"])
    unsubscribe_url: Annotated[str, AfterValidator(values.unsubscribe_url)] = Field(
        "",
        examples=["https://example.org/stop?of={subscription}&who={recipient}&token={token}"],
    )
    unsubscribe_secret: SecretStr = SecretStr("")
    unsubscribe_secret_file: FilePath = None
    reply_to: Address = Field("", examples=["ada@example.org"])
    bounce: BounceAddress = Field("", examples=["bounces@example.org"])
    ambiguous: Annotated[Literal["resend", "park"], Lowered] = "resend"
    maildir: Annotated[Path, AfterValidator(values.expanded)] = Path("outbox")
    sendmail: Path = Path("/usr/sbin/sendmail")

    @property
    def parks(self) -> bool:
        """Whether a mail that may have been taken waits; a folder never has one twice."""
        return self.ambiguous == "park" and self.transport != "maildir"


class SmtpSettings(Table):
    """[smtp]; port 465 is `tls` and any other `starttls` where `security` is not given."""

    host: Annotated[str, AfterValidator(values.host)] = Field("", examples=["smtp.example.org"])
    port: Annotated[Count, Field(ge=1, le=65535)] = 587
    security: Annotated[Literal["starttls", "tls", "none"], Lowered] = "starttls"
    username: str = Field("", examples=["papers@example.org"])
    password: SecretStr = SecretStr("")
    password_file: FilePath = None
    ca_file: FilePath = None
    helo: str = Field("", examples=["papers.example.org"])
    connections: Annotated[Count, Field(ge=1, le=20)] = 4
    per_minute: Count = 0
    per_minute_to_domain: Count = 0
    timeout: Seconds = 60

    @model_validator(mode="before")
    @classmethod
    def _imply_security(cls, given: object) -> object:
        if isinstance(given, dict) and "security" not in given and str(given.get("port")) == "465":
            return {**given, "security": "tls"}
        return given


class DigestSettings(Table):
    """[digest]."""

    language: LanguageCode = "en"
    templates: FilePath = None


class DkimSettings(Table):
    """[dkim]; nothing is signed without a key, and with one a loaded one names its domain."""

    domain: Annotated[str, AfterValidator(values.signing_domain)] = Field(
        "", examples=["example.org"]
    )
    selector: Annotated[str, AfterValidator(values.selector)] = Field("", examples=["papers"])
    key: SecretStr = SecretStr("")
    key_file: FilePath = None
    ed25519_selector: Annotated[str, AfterValidator(values.selector)] = Field(
        "", examples=["papers-ed25519"]
    )
    ed25519_key: SecretStr = SecretStr("")
    ed25519_key_file: FilePath = None

    @property
    def is_on(self) -> bool:
        """Whether there is a key to sign with."""
        return any(key.get_secret_value() for key in (self.key, self.ed25519_key))


class HealthSettings(Table):
    """[health]; `ping_url` is asked for after each good pass."""

    quiet_days: Days = 7
    ping_url: PingUrl = SecretStr("")


class MetricsSettings(Table):
    """[metrics]; nothing listens without `listen`, host and port of this machine alone."""

    listen: Annotated[str, AfterValidator(listening.listen)] = Field(
        "", examples=["127.0.0.1:9464"]
    )

    @property
    def address(self) -> tuple[str, int]:
        """Host and port apart."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class WebSettings(Table):
    """[web]; nothing listens without `listen`, and with it a loaded one has its `public_url`.

    `allow` are patterns of addresses, none: everybody's; `proxies` may say for whom they ask.
    Without `operator_password` there is no page for the operator.
    `archive`: everybody may look at and search the papers.
    """

    listen: Annotated[str, AfterValidator(listening.web_listen)] = Field(
        "", examples=["127.0.0.1:8466"]
    )
    public_url: Annotated[str, AfterValidator(listening.public_url)] = Field(
        "", examples=["https://papers.example.org"]
    )
    secret: SecretStr = SecretStr("")
    secret_file: FilePath = None
    operator_password: SecretStr = SecretStr("")
    operator_password_file: FilePath = None
    allow: Annotated[
        tuple[Annotated[str, AfterValidator(listening.address_pattern)], ...],
        Listed,
    ] = Field((), examples=[["*@example.org"]])
    proxies: Annotated[tuple[Annotated[str, AfterValidator(listening.network)], ...], Listed] = (
        "127.0.0.1",
        "::1",
    )
    archive: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port apart."""
        host, _, port = self.listen.rpartition(":")
        return host.strip("[]"), int(port)


class LogSettings(Table):
    """[log]."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Lowered] = "info"
    format: Annotated[Literal["auto", "console", "json", "plain"], Lowered] = "auto"
    file: FilePath = None


class SourceSettings(Table):
    """[[sources]]; the name is the page's where none is given."""

    name: Name = ""
    kind: Annotated[Literal["huggingface"], Lowered] = "huggingface"
    page: Annotated[PageKind, Lowered] = Field(examples=["trending"])
    query: str = Field("", examples=["diffusion language model"])

    @model_validator(mode="before")
    @classmethod
    def _named_after_page(cls, given: object) -> object:
        if isinstance(given, dict) and "name" not in given:
            page = lowered(given.get("page"))
            return {**given, "name": page if page and isinstance(page, str) else "trending"}
        return given


class TopicSettings(Table):
    """[topics.NAME]; a bare list stands for its `any`."""

    any: Texts = Field(examples=[["hypernetwork"]])
    about: str = ""

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, given: object) -> object:
        return {"any": given} if isinstance(given, str | list) else given


class RuleSettings(Table):
    """[[subscriptions.rules]]; thresholds of 0 and `has_code = false` ask for nothing.

    `backfill_days` asks for nothing either: it says how far back a new rule looks, once. Until the
    day `snoozed_until` begins, in UTC, the rule brings nothing.
    """

    name: str = Field("", examples=["weights as data"])
    any: Texts = Field((), examples=[["hypernetwork*", "model zoo"]])
    all: Texts = Field((), examples=[["diffusion", "text"]])
    none: Texts = Field((), examples=[["survey"]])
    topics: Texts = Field((), examples=[["hypernetworks"]])
    authors: Texts = Field((), examples=[["David Ha"]])
    organizations: Texts = Field((), examples=[["google"]])
    fields: Annotated[tuple[Annotated[TextField, Lowered], ...], Listed] = (
        "title",
        "abstract",
        "keywords",
    )
    min_upvotes: Count = 0
    min_upvotes_per_day: Rate = 0
    min_stars: Count = 0
    has_code: bool = False
    backfill_days: Annotated[Count, Field(le=3650)] = 0
    snoozed_until: Day = Field(None, examples=[dt.date(2027, 1, 1)])

    def is_asleep(self, now: dt.datetime) -> bool:
        """Whether it is snoozed at `now`."""
        return self.snoozed_until is not None and now.date() < self.snoozed_until

    @property
    def awake(self) -> Self:
        """The same, not snoozed."""
        return self if self.snoozed_until is None else self.until(None)

    def until(self, day: dt.date | None) -> Self:
        """The same, snoozed until that day begins in UTC; None: not."""
        changed = self.model_copy(update={"snoozed_until": day})
        if day is None:
            changed.model_fields_set.discard("snoozed_until")
        return changed


class SubscriptionSettings(Table):
    """[[subscriptions]]; `id` is `name`, or `file/name` from `subscriptions.d`."""

    id: str
    name: Name = "papers"
    to: Annotated[Addresses, Field(min_length=1)] = Field(examples=[["ada@example.org"]])
    timezone: Zone = Field("", examples=["Asia/Tokyo"])
    language: LanguageIfAny = Field("", examples=["ja"])
    digest: Annotated[
        str,
        TimeAsText,
        AfterValidator(lambda text: parse_cadence(text).text),
    ] = "daily 08:00"
    sources: Texts = Field((), examples=[["trending"]])
    max_papers: Annotated[Count, Field(ge=1)] = 30
    max_age_days: Count = 0
    first_run: Annotated[Literal["send", "baseline"], Lowered] = "send"
    thread: bool = False
    bibtex: bool = False
    rules: tuple[RuleSettings, ...] = ()
    topics: dict[str, TopicSettings] = Field(default_factory=dict)  # its own file's


class Settings(Table):
    """The whole of a configuration, checked."""

    schedule: ScheduleSettings = ScheduleSettings()
    http: HttpSettings = HttpSettings()
    store: StoreSettings = StoreSettings()
    mail: MailSettings = MailSettings()
    smtp: SmtpSettings = SmtpSettings()
    digest: DigestSettings = DigestSettings()
    dkim: DkimSettings = DkimSettings()
    health: HealthSettings = HealthSettings()
    metrics: MetricsSettings = MetricsSettings()
    web: WebSettings = WebSettings()
    log: LogSettings = LogSettings()
    sources: tuple[SourceSettings, ...] = (
        SourceSettings(page="trending"),
        SourceSettings(page="daily"),
    )
    topics: dict[str, TopicSettings] = Field(default_factory=dict)
    subscriptions: tuple[SubscriptionSettings, ...] = ()


class SubscriptionFile(Table):
    """A file of `subscriptions.d`."""

    subscriptions: tuple[SubscriptionSettings, ...] = ()
    topics: dict[str, TopicSettings] = Field(default_factory=dict)
