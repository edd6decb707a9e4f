"""A word to a dead man's switch: what is asked for, and what its failure is called."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

import watcher
from tests.authority import Authority
from tests.rawserver import Exchange, RawServer, answer
from watcher.fetch import ping
from watcher.settings import HttpSettings

HTTP = HttpSettings.model_validate({"token": "hf_secret"})


async def test_a_good_pass_is_told_by_the_url_itself() -> None:
    async with RawServer(answer(body=b"OK")) as server:
        url = SecretStr(f"{server.url}/ping/uuid?rid=1")
        assert await ping(url, HTTP, is_good=True) is None
    [request] = server.requests
    assert (request.method, request.target) == ("GET", "/ping/uuid?rid=1")
    assert request.headers["user-agent"] == f"paper-watcher/{watcher.__version__}"
    assert "authorization" not in request.headers, "the token is the Hub's"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        *(("/uuid", "/uuid/fail"), ("/uuid/", "/uuid/fail"), ("/u?a=b", "/u/fail?a=b")),
        *(("", "/fail"), ("/a%2Fb%3Fc/d", "/a%2Fb%3Fc/d/fail"), ("/u?a=b?c", "/u/fail?a=b?c")),
    ],
)
async def test_a_failed_one_is_told_behind_its_path(path: str, asked: str) -> None:
    async with RawServer(answer()) as server:
        assert await ping(SecretStr(server.url + path), HTTP, is_good=False) is None
    assert [request.target for request in server.requests] == [asked]


async def test_without_a_url_nobody_is_asked() -> None:
    assert await ping(SecretStr(""), HTTP, is_good=True) is None


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_another_answer_is_told_and_not_followed(status: int) -> None:
    async with RawServer(answer(status, location="/elsewhere")) as server:
        url = SecretStr(f"{server.url}/hunter2")
        assert await ping(url, HTTP, is_good=True) == f"it answered {status}"
    assert len(server.requests) == 1


async def test_an_endless_answer_is_not_read() -> None:
    async def endless(exchange: Exchange) -> None:
        exchange.writer.write(answer(content_length="1000000000"))
        await exchange.hang()

    async with RawServer(endless) as server:
        assert await ping(SecretStr(server.url), HTTP, is_good=True) is None


async def test_silence_is_waited_for_so_long_and_no_longer() -> None:
    async def silent(exchange: Exchange) -> None:
        await exchange.hang()

    async with RawServer(silent) as server:
        error = await ping(SecretStr(f"{server.url}/hunter2"), HTTP, is_good=True, within=0.1)
    assert error == "no answer within 0.1 s"


async def test_what_goes_wrong_is_told_without_the_url(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        closed = await ping(SecretStr(f"http://127.0.0.1:{port}/hunter2"), HTTP, is_good=True)
    unknown = await ping(SecretStr("http://hunter2.invalid/"), HTTP, is_good=True)
    unnamed = await ping(SecretStr("http://xn--a/hunter2"), HTTP, is_good=True)
    broken = await ping(SecretStr("https://xn--hunter2-/p"), HTTP, is_good=False)
    async with RawServer(answer(), tls=Authority(tmp_path).server_context()) as stranger:
        untrusted = await ping(SecretStr(f"{stranger.url}/hunter2"), HTTP, is_good=True)
    async with RawServer(b"hunter2 is no HTTP\r\n\r\n") as rubbish:
        garbled = await ping(SecretStr(f"{rubbish.url}/hunter2"), HTTP, is_good=True)
    missing = HttpSettings.model_validate({"ca_file": str(tmp_path / "none.pem")})
    keyless = await ping(SecretStr("https://127.0.0.1/hunter2"), missing, is_good=True)
    told = [closed, unknown, unnamed, broken, untrusted, garbled, keyless]
    assert told == [
        "nothing listens there",
        "its host name is not known",
        "its host is no name that can be looked up",
        "its host is no name that can be looked up",
        "its certificate is not trusted ([http] ca_file)",
        "RemoteProtocolError",
        "http.ca_file: " + str(tmp_path / "none.pem") + ": No such file or directory",
    ]
