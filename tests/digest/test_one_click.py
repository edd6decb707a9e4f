from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.digest import OneClick

names = st.text(st.characters(codec="utf-8"), max_size=12)
"""Ids as hostile as can be; addresses hold no line break, and so no second one."""

addresses = names.filter(lambda text: "\n" not in text)


def one_click(subscription_id: str = "weights", url: str = "https://x/{token}") -> OneClick:
    return OneClick(url, "a secret", subscription_id=subscription_id, otherwise="")


def test_the_token_is_what_other_programs_make() -> None:
    # printf 'lab/重み\nada@example.org' | openssl dgst -sha256 -hmac 'a secret' -binary | basenc
    # --base64url
    assert one_click("lab/重み").token("ada@example.org") == (
        "Ax7yuYNGHLF7Zj3hNgE5jkHbftc9mpi2pDq8fT5N-W4"
    )


@given(st.tuples(names, addresses), st.tuples(names, addresses))
def test_no_two_pairs_share_a_token(one: tuple[str, str], other: tuple[str, str]) -> None:
    tokens = [one_click(of).token(who) for of, who in (one, other)]
    assert (tokens[0] == tokens[1]) == (one == other)
    assert re.fullmatch(r"[\w-]{43}", tokens[0], re.ASCII)


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "b@c"), ("a\nb", "@c")), (("a", "b@c"), ("", "ab@c")), (("a\n", "b"), ("a", "b"))],
)
def test_what_is_next_to_each_other_cannot_be_moved_over(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert one_click(one[0]).token(one[1]) != one_click(other[0]).token(other[1])


@given(names, addresses)
def test_what_is_filled_in_can_be_read_back_and_fills_in_nothing(of: str, who: str) -> None:
    url = "https://x/?{subscription}&{recipient}&{token}&{subscription}"
    headers = one_click(of, url).headers(who)
    found = re.fullmatch(r"<https://x/\?([\w.~%&-]*)>", headers["List-Unsubscribe"], re.ASCII)
    assert found
    read = [unquote(each, errors="strict") for each in found[1].split("&")]
    assert read == [of, who, one_click(of).token(who), of]
