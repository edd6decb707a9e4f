"""The site and the mail system, each asked once."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Mapping

from watcher import health
from watcher.diagnosis.finding import Finding, ok, problem, warning
from watcher.errors import ConfigError, DeliveryError, SourceError
from watcher.fetch import Fetcher
from watcher.isolation import Reader
from watcher.mail import make_mailer
from watcher.models import Outcome
from watcher.settings import Config, require_mail
from watcher.sources import make_source

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


async def examine_site(
    config: Config, environ: Mapping[str, str], now: dt.datetime
) -> AsyncIterator[Finding]:
    """Fetch one page of the first source, once, and read it."""
    settings = config.settings
    proxy = next((name for name in _PROXIES if environ.get(name)), None)
    if proxy and not settings.http.proxy:
        yield warning(
            "proxy",
            f"{proxy} is set, but only [http] proxy counts; set it there if the network wants one",
        )
    chosen = settings.sources[0]
    source = make_source(chosen, settings.http.base_url)
    request = source.requests(now, None)[0]
    try:
        async with Fetcher(settings.http, attempts=1, clock=lambda: now) as fetcher:
            page = await fetcher.fetch(request)
        listing = await Reader().read(chosen, settings.http.base_url, page, now)
    except (SourceError, ConfigError) as error:
        yield problem("site", f"{source.name}, {request.url}: {error}")
        return
    judged = health.judge(listing, page=source.page, requested=request.period, now=now, baseline=[])
    text = f"{source.name}, {page.url}: papers: {len(listing.papers)}"
    if judged.outcome is Outcome.DEGRADED:
        yield problem("site", f"{text}; the page has changed: {'; '.join(judged.reasons)}")
    else:
        yield ok("site", text)


async def examine_mail(config: Config) -> Finding:
    """Open a session with the mail system and close it again; nothing is sent."""
    try:
        require_mail(config)
    except ConfigError as error:
        return problem("mail", str(error))
    mailer = make_mailer(config.settings, config.state_dir)
    if config.settings.mail.transport == "maildir" and not config.state_dir.exists():
        # Trying would make it, and perhaps as root's.
        return ok("mail", f"{mailer.describe()} will be made by the first mail")
    try:
        await mailer.probe()
    except DeliveryError as error:
        return problem("mail", f"{mailer.describe()}: {error}")
    return ok("mail", f"{mailer.describe()}; `watcher send-test` sends a real mail")
