"""A whole small world for the program: a papers site, a mail server, a clock, a configuration."""

from __future__ import annotations

import contextlib
import datetime as dt
import email
import email.policy
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Self

from tests.fakesite import FakeSite, SitePaper, make_paper
from tests.fleet.together import StoreTime, together
from tests.reading import shared_reader
from tests.smtpserver import Accepted, SmtpServer
from tests.tracing import untraced
from watcher import app
from watcher.engine import Engine, Request, Result
from watcher.isolation import Reader
from watcher.pipeline.context import RECORD_WITHIN, Context
from watcher.settings import Config, load

THURSDAY = dt.datetime(2026, 2, 19, 7, 0, tzinfo=dt.UTC)

HEAD = """
[schedule]
timezone = "UTC"
{check}[http]
base_url = "{site}"
timeout = {site_timeout}
[store]
url = "{store}"
[mail]
from = "Papers <papers@example.org>"
operator = "root@example.org"
[smtp]
host = "127.0.0.1"
port = {port}
security = "none"
timeout = {smtp_timeout}
"""

RARELY = 'check = "0 0 1 1 *"\n'
"""When replicas read of themselves, where a test says when they are to."""

DAILY = """
[[sources]]
page = "daily"
"""

ZORBLAX = "Zorblaxes for everything"
"""A title that the rules below ask for; the generated papers never say that word."""

TRENDING = """
[[sources]]
page = "trending"
"""

WEIGHTS = """
[[subscriptions]]
name = "weights"
to = ["ada@example.org"]
digest = "each-check"
any = ["zorblax"]
"""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as its reader has it; `paper_ids` in the order of the plain text."""

    recipient: str
    subject: str
    message_id: str
    text: str
    html: str
    raw: bytes

    @classmethod
    def of(cls, accepted: Accepted) -> Self:
        """Read what the server took."""
        message = email.message_from_bytes(accepted.message, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        assert text is not None
        assert html is not None
        return cls(
            recipient=accepted.recipient,
            subject=message["Subject"],
            message_id=message["Message-ID"],
            text=text.get_content(),
            html=html.get_content(),
            raw=accepted.message,
        )

    def header(self, name: str) -> str | None:
        """A header as the standard library reads it; None where it is not there."""
        value = email.message_from_bytes(self.raw, policy=email.policy.default)[name]
        return None if value is None else str(value)

    @property
    def header_names(self) -> list[str]:
        """What headers there are, in their order."""
        return email.message_from_bytes(self.raw, policy=email.policy.default).keys()

    @property
    def paper_ids(self) -> list[str]:
        """Every paper that the plain text links to on the Hub, once."""
        return list(dict.fromkeys(re.findall(r"/papers/(\d{4}\.\d{4,5})", self.text)))


class World:
    """Set `now`, add papers to `site`, run passes, read `mails`.

    Both servers run while the world is entered. Every `engine` is a new process as far as the
    program can tell: nothing but the store carries over. Their pages are all read by one process,
    unless `make_reader` makes others. `store` is its URL, `site_timeout` and `smtp_timeout` are in
    seconds; `configure` writes them down. `record_within` are the seconds that an engine gives its
    store. `is_fleet`: an engine is several replicas, on a server. `is_traced`: coverage is measured
    during `run_pass`.
    """

    def __init__(
        self, directory: Path, *, store: str = "sqlite:///watcher.db", is_fleet: bool = False
    ) -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        self.store, self.is_fleet = store, is_fleet
        self.store_time = StoreTime()
        self.site_timeout = self.smtp_timeout = 10.0
        self.record_within = RECORD_WITHIN
        self.make_reader: Callable[[], Reader] = shared_reader
        self.is_traced = True
        # Like the real site, this one never has nothing earlier to redirect to.
        old = make_paper(99_999, THURSDAY - dt.timedelta(days=90), title="Long ago")
        self.site = FakeSite([old], now=THURSDAY)
        self.smtp = SmtpServer()
        self._now = THURSDAY
        self._read = 0

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.site)
            stack.enter_context(self.smtp)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def now(self) -> dt.datetime:
        """The program's clock and the site's."""
        return self._now

    @now.setter
    def now(self, value: dt.datetime) -> None:
        self._now = self.site.now = value

    def later(self, **delta: float) -> None:
        """Let time pass (keywords of timedelta)."""
        self.now += dt.timedelta(**delta)

    def add(self, *papers: SitePaper) -> None:
        """Put papers on the site."""
        self.site.papers.extend(papers)

    def fill(self, count: int = 8, *, first: int = 500) -> None:
        """Put papers on the site that nobody in these tests asks for: they are there now."""
        an_hour_ago = self.now - dt.timedelta(hours=1)
        self.add(*(make_paper(first + number, an_hour_ago) for number in range(count)))

    @property
    def config_path(self) -> Path:
        """The configuration file."""
        return self.directory / "config.toml"

    @property
    def state_dir(self) -> Path:
        """The state directory."""
        return self.directory / "state"

    def configure(self, *parts: str) -> None:
        """Write the configuration: what the world needs, then `parts`."""
        head = HEAD.format(
            check=RARELY if self.is_fleet else "",
            site=self.site.url,
            site_timeout=self.site_timeout,
            store=self.store,
            port=self.smtp.port,
            smtp_timeout=self.smtp_timeout,
        )
        self.config_path.write_text(head + "".join(parts), encoding="utf-8")
        self.config_path.chmod(0o600)  # as `init` leaves it: it may hold a password

    def config(self) -> Config:
        """Load the configuration as a command does."""
        return load(self.config_path, state_dir=self.state_dir, environ={})

    def _make_engine(self, context: Context) -> Engine:
        return Engine(replace(context, reader=self.make_reader()))

    @contextlib.asynccontextmanager
    async def engine(self) -> AsyncIterator[Engine]:
        """A freshly started engine."""
        config = self.config()
        if self.is_fleet:
            async with together(config, self.store_time, lambda: self.now) as replicas:
                yield replicas
            return
        with app.writing(config, "test", self.now) as database:
            async with app.running(
                config,
                database,
                clock=lambda: self.now,
                retry_wait=0.01,
                record_within=self.record_within,
                make_engine=self._make_engine,
            ) as engine:
                yield engine

    async def run_pass(self, request: Request | None = None) -> Result:
        """One pass of a freshly started engine."""
        with contextlib.nullcontext() if self.is_traced else untraced():
            async with self.engine() as engine:
                return await engine.run_pass(request or Request())

    @property
    def mails(self) -> list[Mail]:
        """Every mail the server has taken."""
        return [Mail.of(accepted) for accepted in self.smtp.messages]

    def new_mails(self) -> list[Mail]:
        """Those taken since this was last asked."""
        taken = self.smtp.messages[self._read :]
        self._read += len(taken)
        return [Mail.of(accepted) for accepted in taken]

    def digests(self, recipient: str = "ada@example.org") -> list[Mail]:
        """Every mail to that recipient."""
        return [mail for mail in self.mails if mail.recipient == recipient]

    def notices(self) -> list[Mail]:
        """Every mail to the operator."""
        return self.digests("root@example.org")
