"""One HTTP answer, from servers that do what servers can do."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
from pathlib import Path

import pytest
from pydantic import SecretStr

import watcher
from tests.authority import Authority
from tests.fetch.conftest import NOW, Clock, fetched, fetching, page
from tests.rawserver import Exchange, RawServer, answer
from tests.smtpserver import SmtpServer
from watcher.errors import BlockedError, ConfigError, FetchError
from watcher.fetch import Fetcher
from watcher.models import PageRequest
from watcher.settings import HttpSettings


async def refusal(server: RawServer, path: str = "/papers", **changes: object) -> FetchError:
    with pytest.raises(FetchError) as caught:
        await fetched(server, path, **changes)
    assert caught.value.source == "trending"
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_page() -> None:
    stamp = "Thu, 19 Feb 2026 11:00:00 GMT"
    sent = answer(
        body=gzip.compress(b"<html>", mtime=0),
        content_encoding="GZip",
        etag='W/"1"',
        last_modified=stamp,
    )
    async with RawServer(sent) as server:
        got = await fetched(server, "/papers?q=a%20b#part")
    assert got.request.url == f"{server.url}/papers?q=a%20b#part"
    assert (got.status, got.body, got.url) == (200, b"<html>", f"{server.url}/papers?q=a%20b")
    assert (got.etag, got.last_modified, got.fetched_at) == ('W/"1"', stamp, NOW)
    assert got.next_url is None
    [request] = server.requests
    assert (request.method, request.target) == ("GET", "/papers?q=a%20b")
    assert request.headers["user-agent"] == f"paper-watcher/{watcher.__version__}"
    assert request.headers["accept-encoding"] == "gzip"
    assert not {"authorization", "cookie", "if-none-match"} & request.headers.keys()


async def test_chunks_are_put_together() -> None:
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n"
    async with RawServer(answer(body=body, transfer_encoding="chunked")) as server:
        assert (await fetched(server)).body == b"hello"


async def test_configured_names_travel() -> None:
    async with RawServer(answer()) as server:
        await fetched(server, user_agent="mine/1 (+mailto:me@example.org)", token="hf_x\n")
    assert server.requests[0].headers["user-agent"] == "mine/1 (+mailto:me@example.org)"
    assert server.requests[0].headers["authorization"] == "Bearer hf_x"


async def test_conditions_are_sent_and_a_304_is_a_page_without_a_body() -> None:
    async with RawServer(answer(304, etag='"1"')) as server, fetching(server) as fetcher:
        got = await fetcher.fetch(
            PageRequest("trending", server.url, etag='"1"', last_modified="yesterday")
        )
    assert got.is_unchanged
    assert (got.body, got.etag) == (b"", '"1"')
    assert server.requests[0].headers["if-none-match"] == '"1"'
    assert server.requests[0].headers["if-modified-since"] == "yesterday"


async def test_a_304_that_was_not_asked_for_is_refused() -> None:
    async with RawServer(answer(304)) as server:
        assert (await refusal(server)).status == 304


@pytest.mark.parametrize("etag", ["\xff", "a\tb", "x" * 2000, ""])
async def test_a_validator_that_cannot_be_sent_back_is_dropped(etag: str) -> None:
    async with RawServer(answer(etag=etag)) as server:
        assert (await fetched(server)).etag is None


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ('</api/daily_papers?p=1>; rel="next"', "/api/daily_papers?p=1"),
        ('<?p=1>; rel="next", </x>; rel="prev"', "/papers?p=1"),
        ('</x>; rel="prev"', None),
        ('<https://evil.example/>; rel="next"', None),
        ('<//[>; rel="next"', None),
        ("nonsense", None),
        ('; rel="next"', None),
    ],
)
async def test_the_next_page_is_followed_only_at_home(link: str, expected: str | None) -> None:
    async with RawServer(answer(link=link)) as server:
        got = await fetched(server)
    assert got.next_url == (expected and server.url + expected)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_and_the_last_url_is_told(status: int) -> None:
    async with RawServer(
        answer(status, location="date/2026-02-19#top", set_cookie="last=day; Path=/"),
        answer(body=b"day"),
    ) as server:
        got = await fetched(server, "/papers/", token="hf_x")
    assert got.url == f"{server.url}/papers/date/2026-02-19"
    assert got.body == b"day"
    assert "cookie" not in server.requests[1].headers
    assert server.requests[1].headers["authorization"] == "Bearer hf_x"


async def test_three_redirects_are_enough() -> None:
    async with RawServer(*[answer(302, location="/a")] * 3, answer()) as server:
        await fetched(server)
    async with RawServer(answer(302, location="/a")) as server:
        assert not (await refusal(server)).retryable
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{other}/",
        "//127.0.0.1:{other}/",
        "http://localhost:{port}/",
        "https://127.0.0.1:{port}/",
        "http://user@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}@evil.example/",
        "http://127.0.0.1:{port}\\@evil.example/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_redirect_to_elsewhere_is_not_followed(target: str) -> None:
    async with RawServer(answer()) as other, RawServer() as server:
        location = target.format(other=other.port, port=server.port)
        server.answers = [answer(302, location=location)]
        error = await refusal(server)
    assert "not followed" in str(error)
    assert not error.retryable
    assert len(server.requests) == 1
    assert not other.requests


@pytest.mark.parametrize(
    "location", ["javascript:alert(1)", "http://[", "http://x:99999999/", "/" + "x" * 70_000, "//"]
)
async def test_a_redirect_to_nowhere_is_refused(location: str) -> None:
    async with RawServer(answer(302, location=location)) as server:
        assert "redirect" in str(await refusal(server))
    assert {request.target for request in server.requests} == {"/papers"}


async def test_a_request_to_elsewhere_is_not_made() -> None:
    async with RawServer(answer()) as other, RawServer(answer()) as server:
        urls = (
            other.url,
            "ftp://x/",
            f"http://u:p@127.0.0.1:{server.port}/",
            "http://x:y/",
            "",
        )
        async with fetching(server) as fetcher:
            for url in urls:
                with pytest.raises(FetchError, match="not followed"):
                    await fetcher.fetch(PageRequest("trending", url))
    assert not other.requests
    assert not server.requests


async def test_a_name_that_leads_into_the_house_is_not_read() -> None:
    # To a resolver this "name" is 127.0.0.1; no address of the operator's choosing stands there.
    async with RawServer(answer(body=b"secret")) as server:
        base = f"http://2130706433:{server.port}"
        async with fetching(server, base_url=base) as fetcher:
            with pytest.raises(FetchError, match=r"leads to 127\.0\.0\.1") as caught:
                await fetcher.fetch(PageRequest("trending", f"{base}/papers"))
    assert not caught.value.retryable
    assert not server.requests, "not even the token was told"


async def test_a_name_may_lead_elsewhere_the_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: what counts is where a connection has led, not what a look-up said."""
    looked_up: list[str | bytes] = []
    look_up = socket.getaddrinfo

    def rebound(host: str | bytes, port: int, *arguments: int, **keywords: int) -> object:
        if host not in {"hub.example", b"hub.example"}:
            return look_up(host, port, *arguments, **keywords)
        looked_up.append(host)
        if len(looked_up) == 1:
            raise socket.gaierror(socket.EAI_AGAIN, "later")
        return look_up("127.0.0.1", port, *arguments, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    async with RawServer(answer(body=b"secret")) as server:
        base = f"http://hub.example:{server.port}"
        async with fetching(server, base_url=base, token="hf_secret") as fetcher:
            with pytest.raises(FetchError, match=r"leads to 127\.0\.0\.1"):
                await fetcher.fetch(PageRequest("trending", f"{base}/papers"))
    assert len(looked_up) == 2
    assert not server.requests


async def test_localhost_by_its_name_is_the_operator_s_choice() -> None:
    async with RawServer(answer(body=b"mirror")) as server:
        base = f"http://localhost:{server.port}"
        async with fetching(server, base_url=base) as fetcher:
            assert (await fetcher.fetch(PageRequest("trending", base))).body == b"mirror"


@pytest.mark.parametrize(
    ("status", "action"), [(202, "challenge"), (405, "captcha"), (200, "challenge"), (302, "?")]
)
async def test_the_firewall_s_header_means_blocked(status: int, action: str) -> None:
    async with RawServer(answer(status, x_amzn_waf_action=action)) as server:
        with pytest.raises(BlockedError, match=f"status {status}"):
            await fetched(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [202, 203, 204, 205, 206, 300, 305, 405])
async def test_without_it_never(status: int) -> None:
    async with RawServer(answer(status)) as server:
        error = await refusal(server)
    assert error.status == status
    assert not error.retryable


async def test_a_script_of_the_firewall_s_in_a_good_page_is_no_sign() -> None:
    body = b'<script src="https://x.edge.sdk.awswaf.com/1/challenge.js"></script>'
    async with RawServer(answer(body=body)) as server:
        assert (await fetched(server)).body == body


@pytest.mark.parametrize(("status", "hint"), [(400, "400"), (401, "token"), (404, "no such page")])
async def test_a_refusal_is_not_repeated(status: int, hint: str) -> None:
    async with RawServer(answer(status)) as server:
        error = await refusal(server)
    assert hint in str(error)
    assert error.status == status
    assert not error.retryable
    assert len(server.requests) == 1


async def cut_off(exchange: Exchange) -> None:
    exchange.writer.write(answer(content_length="100") + b"short")


async def no_answer(exchange: Exchange) -> None:
    pass


async def reset(exchange: Exchange) -> None:
    raw = exchange.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "failure",
    [
        answer(500),
        answer(502),
        answer(503),
        answer(599),
        no_answer,
        cut_off,
        reset,
        b"this is not HTTP\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000 + b"\r\n",
        answer(body=gzip.compress(b"x" * 99, mtime=0)[:-1], content_encoding="gzip"),
        answer(body=b"ffffffffffffffffffff\r\nx", transfer_encoding="chunked"),
    ],
)
async def test_what_may_pass_is_tried_again(failure: bytes) -> None:
    async with RawServer(failure, failure, answer(body=b"at last")) as server:
        assert (await fetched(server)).body == b"at last"
    async with RawServer(failure) as server:
        error = await refusal(server)
    assert error.retryable
    assert error.retry_after is None
    assert len(server.requests) == 3


async def test_a_hidden_host_is_explained() -> None:
    settings = HttpSettings(base_url="http://papers.invalid")
    async with Fetcher(settings, attempts=1, clock=Clock()) as fetcher:
        with pytest.raises(FetchError, match="host name is not known") as caught:
            await fetcher.fetch(PageRequest("trending", "http://papers.invalid/papers"))
    assert caught.value.retryable


async def test_nobody_listening_is_explained_with_a_proxy_that_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with RawServer(answer()) as server:
        pass
    assert str(await refusal(server)) == "nothing listens there"
    monkeypatch.setenv("HTTPS_PROXY", "http://secret@proxy.example:3128")
    error = await refusal(server)
    assert "HTTPS_PROXY set but it is not used: set [http] proxy" in str(error)
    assert "secret" not in str(error)


async def test_the_environment_s_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(answer()) as proxy, RawServer(answer()) as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        await fetched(server)
    assert not proxy.requests


async def test_a_configured_proxy_is() -> None:
    async with RawServer(answer(body=b"through")) as proxy:
        url = f"http://ada:secret@127.0.0.1:{proxy.port}"
        request = PageRequest("trending", "http://hub.example/papers")
        async with fetching(proxy, base_url="http://hub.example", proxy=url) as fetcher:
            assert (await fetcher.fetch(request)).body == b"through"
    assert proxy.requests[0].target == "http://hub.example/papers"
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
    async with fetching(proxy, base_url="http://hub.example", proxy=url) as fetcher:
        with pytest.raises(FetchError, match=r"through the proxy 127\.0\.0\.1") as caught:
            await fetcher.fetch(request)
    assert "secret" not in str(caught.value)


async def test_a_proxy_that_speaks_tls_is_trusted_by_ca_file(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    request = PageRequest("trending", "http://hub.example/papers")
    proxy = RawServer(answer(body=b"through"), tls=authority.server_context())
    async with proxy:
        keys: dict[str, object] = {"proxy": proxy.url, "ca_file": authority.ca_file}
        settings = HttpSettings.model_validate(keys | {"base_url": "http://hub.example"})
        async with Fetcher(settings, clock=Clock()) as fetcher:
            assert (await fetcher.fetch(request)).body == b"through"


@pytest.mark.parametrize("wait", ["before", "within", "drip"])
async def test_the_whole_answer_has_one_deadline(wait: str) -> None:
    async def slow(exchange: Exchange) -> None:
        if wait != "before":
            exchange.writer.write(answer(content_length="1000"))
        if wait == "drip":
            for _ in range(1000):
                exchange.writer.write(b"x")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(exchange.hang(), 0.01)
                    return
        await exchange.hang()

    async with RawServer(slow) as server:
        error = await refusal(server, timeout=0.2, attempts=2)
    assert str(error) == "no whole answer within 0.2 s ([http] timeout)"
    assert error.retryable
    assert len(server.requests) == 2


async def test_more_than_the_cap_is_not_read_and_not_tried_again() -> None:
    async def endless(exchange: Exchange) -> None:
        exchange.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            exchange.writer.write(b"x" * 65536)
            await exchange.writer.drain()

    async with RawServer(endless) as server:
        error = await refusal(server, max_bytes=200_000)
    assert "max_bytes = 200000" in str(error)
    assert not error.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("encoding", ["gzip, gzip", "gzip\r\nContent-Encoding: gzip", "br"])
async def test_encodings_not_asked_for_are_refused(encoding: str) -> None:
    body = gzip.compress(gzip.compress(b"x"), mtime=0)
    async with RawServer(answer(body=body, content_encoding=encoding)) as server:
        error = await refusal(server)
    assert "not asked for" in str(error)
    assert not error.retryable


async def test_tls_with_an_authority_of_one_s_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with RawServer(answer(body=b"safe"), tls=authority.server_context()) as server:
        assert (await fetched(server, ca_file=authority.ca_file)).body == b"safe"
        error = await refusal(server)
        assert "[http] ca_file" in str(error)
        assert not error.retryable


async def test_tls_for_another_host(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.server_context("hub.example")
    async with RawServer(answer(), tls=context) as server:
        error = await refusal(server, ca_file=authority.ca_file)
    assert "certificate is not trusted" in str(error)
    assert not server.requests


async def test_tls_to_a_port_that_speaks_none() -> None:
    with SmtpServer() as server:
        base = f"https://127.0.0.1:{server.port}"
        async with Fetcher(HttpSettings(base_url=base), attempts=1, clock=Clock()) as fetcher:
            with pytest.raises(FetchError, match="no encryption could be agreed on"):
                await fetcher.fetch(PageRequest("trending", base))


async def test_a_downgrade_is_not_followed(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with RawServer(tls=authority.server_context()) as server:
        server.answers = [answer(302, location=f"http://127.0.0.1:{server.port}/")]
        error = await refusal(server, ca_file=authority.ca_file)
    assert "not followed" in str(error)


@pytest.mark.parametrize(
    "keys",
    [
        {"base_url": "ftp://x"},
        {"base_url": "https://me:pass@hub.example"},
        {"base_url": "huggingface.co"},
        {"user_agent": "two\nlines"},
        {"user_agent": "naïve"},
        {"token": SecretStr("a b\x00")},
        {"proxy": "socks5://127.0.0.1:1"},
        {"proxy": "gopher://x"},
        {"proxy": "http://"},
        {"proxy": "http://x:y"},
        {"ca_file": Path("missing.pem")},
        {"ca_file": Path(__file__)},
    ],
)
async def test_what_no_client_can_be_made_of_names_its_key(keys: dict[str, object]) -> None:
    with pytest.raises(ConfigError) as caught:
        async with Fetcher(HttpSettings().model_copy(update=keys), clock=Clock()):
            pass
    assert caught.value.key == f"http.{next(iter(keys))}"
    assert "pass@" not in str(caught.value)


async def test_being_cancelled_leaves_nothing_open() -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def hang(exchange: Exchange) -> None:
        arrived.set()
        await exchange.hang()
        left.set()

    async with RawServer(hang, answer(body=b"next")) as server, fetching(server) as fetcher:
        fetch = asyncio.create_task(fetcher.fetch(page(server)))
        await arrived.wait()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await left.wait()
        assert (await fetcher.fetch(page(server))).body == b"next"


async def test_only_within_async_with() -> None:
    with pytest.raises(AssertionError, match="async with"):
        await Fetcher(HttpSettings(), clock=Clock()).fetch(
            PageRequest("trending", "https://huggingface.co/papers")
        )
