"""A browser without JavaScript: pages over HTTP from a real server, forms as they are written."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.world import DAILY, WEIGHTS, Mail, World
from watcher import app
from watcher.web import serving
from watcher.web.post import Pace
from watcher.web.wire import IDLE_FOR

SECRET = "ThePagesSecretThatNobodyMaySee-0123"
PUBLIC = "https://papers.example.org"
AT_ONCE = Pace(before_first=(0.0, 0.0))
"""Mails go as soon as they are asked for."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Page:
    """An answer, and where it was."""

    url: str
    status: int
    headers: httpx.Headers
    text: str

    @property
    def tree(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.text)

    @property
    def heading(self) -> str:
        found = self.tree.css_first("h1")
        assert found is not None, self.text
        return found.text(strip=True)

    @property
    def words(self) -> str:
        """What is to be read on it, spaces evened."""
        found = self.tree.css_first("main")
        assert found is not None, self.text
        return " ".join(found.text(separator=" ").split())

    @property
    def paper_ids(self) -> list[str]:
        return re.findall(r'/papers/(\d{4}\.\d{4,5})"', self.text)


class Browser:
    """Goes to pages and presses buttons; `public_url` links lead to the server at `port`.

    With `tls` that one speaks it, and sees requests come from another machine's address.
    """

    def __init__(
        self,
        port: int,
        public_url: str = "",
        *,
        address: str = "",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._base = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        self._public = public_url or self._base
        self._is_secure = tls is not None
        headers = {"X-Forwarded-For": address} if address else {}
        transport = httpx.HTTPTransport(verify=tls, local_address="127.0.0.2") if tls else None
        self.client = httpx.Client(
            base_url=self._base, headers=headers, trust_env=False, timeout=20, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, url: str) -> Page:
        return self._page(self.client.get(self._here(url)))

    def post(self, url: str, fields: dict[str, str | list[str]], **headers: str) -> Page:
        return self._page(self.client.post(self._here(url), data=fields, headers=headers))

    def press(self, page: Page, button: str, **typed: str | list[str]) -> Page:
        """Fill the form that has the button of that text, and send it as a browser would."""
        form = _form_with(page, button)
        fields = {**_fields(form), **_of_button(form, button), **typed}
        return self.post(urljoin(page.url, form.attributes.get("action") or page.url), fields)

    def _here(self, url: str) -> str:
        return url.replace(self._public, self._base, 1)

    def _page(self, response: httpx.Response) -> Page:
        # A cookie for https alone is kept and sent all the same: a proxy stands in front there.
        for header in () if self._is_secure else response.headers.get_list("set-cookie"):
            name, _, value = header.partition(";")[0].partition("=")
            self.client.cookies.clear()
            self.client.headers["Cookie"] = f"{name}={value}"
        if response.is_redirect:
            to = urljoin(str(response.url), response.headers["location"])
            assert urlsplit(to).netloc == urlsplit(self._base).netloc, to
            return self.get(to)
        return Page(str(response.url), response.status_code, response.headers, response.text)


def _form_with(page: Page, button: str) -> LexborNode:
    for form in page.tree.css("form"):
        if any(each.text(strip=True) == button for each in form.css("button")):
            return form
    raise AssertionError(f"no button {button!r} on {page.words}")


def _fields(form: LexborNode) -> dict[str, str | list[str]]:
    found: dict[str, str | list[str]] = {}
    for field in form.css("input"):
        name, value = field.attributes.get("name") or "", field.attributes.get("value") or ""
        if field.attributes.get("type") == "checkbox":
            if "checked" in field.attributes:
                found.setdefault(name, [])
                chosen = found[name]
                assert isinstance(chosen, list)
                chosen.append(value)
        else:
            found[name] = value
    for area in form.css("textarea"):
        found[area.attributes.get("name") or ""] = area.text()
    for select in form.css("select"):
        options = select.css("option")
        chosen_options = [each for each in options if "selected" in each.attributes] or options
        value_of = chosen_options[0].attributes.get("value")
        text = chosen_options[0].text(strip=True)
        found[select.attributes.get("name") or ""] = text if value_of is None else value_of
    return found


def _of_button(form: LexborNode, text: str) -> dict[str, str]:
    for button in form.css("button"):
        if button.text(strip=True) == text and button.attributes.get("name"):
            return {str(button.attributes["name"]): button.attributes.get("value") or ""}
    return {}


@contextlib.contextmanager
def pages_of(
    world: World,
    *more: str,
    public_url: str = PUBLIC,
    port: int | None = None,
    pace: Pace = AT_ONCE,
    idle_for: int = IDLE_FOR,
) -> Iterator[Browser]:
    """The world's pages, served beside it, and a browser in front of them."""
    port = port or free_port()
    web = f'\n[web]\nlisten = "127.0.0.1:{port}"\npublic_url = "{public_url}"\n'
    world.configure(DAILY, web, f'secret = "{SECRET}"\n', *more, WEIGHTS)
    config = world.config()
    with app.writing(config, "test", world.now):
        pass
    pages = serving(lambda: config, lambda: world.now, pace, idle_for)
    with pages, Browser(port, public_url) as browser:
        yield browser


def ask(world: World, browser: Browser, address: str, **typed: str) -> Page:
    """Fill the form and press both buttons; the answer."""
    form = {"words": "zorblax", "address": address} | typed
    return browser.press(
        browser.press(browser.get("/"), "See what would come", **form), "Subscribe"
    )


def asking_mail(world: World, browser: Browser, address: str, **typed: str) -> Mail:
    """The mail that asks whether it was the address's owner."""
    count = len(world.smtp.messages)
    sent = ask(world, browser, address, **typed)
    assert sent.heading == "Look into your mailbox", sent.words
    world.smtp.wait_for(count + 1)
    mail = world.mails[-1]
    assert mail.recipient == address
    return mail


def subscribe(world: World, browser: Browser, address: str, **typed: str) -> Page:
    """Subscribe and agree; the page to manage it."""
    mail = asking_mail(world, browser, address, **typed)
    return browser.press(browser.get(link_in(mail, "confirm")), "Yes, subscribe")


def link_in(mail: Mail, purpose: str) -> str:
    """The link for that purpose in the plain text of a mail."""
    found = re.search(rf"https?://\S+/{purpose}/\S+", mail.text)
    assert found, mail.text
    return found[0]


def within_itself(browser: Browser, page: Page) -> str:
    """A page with its style sheet in it, for a browser that reaches no network."""
    return with_style(page, browser.client.get("/style.css").text)


def with_style(page: Page, style: str) -> str:
    """A page with that style sheet in it."""
    return re.sub(r'<link rel="stylesheet"[^>]*>', lambda _: f"<style>{style}</style>", page.text)
