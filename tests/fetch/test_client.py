"""Which addresses count as the open internet."""

from __future__ import annotations

import pytest

from watcher.fetch.client import is_local, is_public


@pytest.mark.parametrize(
    "address",
    [
        *("8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808"),
        *("64:ff9b:1::808:808", "2002:808:808::1"),
    ],
)
def test_public(address: str) -> None:
    assert is_public(address)
    assert not is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"),
        *("0.0.0.0", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::7f00:1", "fec0::1"),
        *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::1"),
        *("2002:a00:1::1", "224.0.0.1", "239.1.2.3", "233.252.0.1", "ff02::1", "ff0e::1"),
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)
    assert is_local(address)


@pytest.mark.parametrize("host", ["localhost", "hub.localhost"])
def test_local_names(host: str) -> None:
    assert is_local(host)


@pytest.mark.parametrize("host", ["huggingface.co", "localhost.example", "127.1", "2130706433"])
def test_names_are_judged_by_where_they_lead(host: str) -> None:
    assert not is_local(host)
    assert not is_public(host)
