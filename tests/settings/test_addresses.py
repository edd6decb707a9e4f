"""Plain addresses are taken without asking email-validator: it would have said the same.

What a mail cannot be addressed to is refused here, before it stops a digest.
"""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from watcher.digest.message import ascii_address
from watcher.settings.values import address

PART = st.from_regex(r"[a-z0-9._+-]{1,20}", fullmatch=True)
NEARLY_PLAIN = st.one_of(
    st.builds("{}@{}".format, PART, PART),
    st.text("abz019ABZ._+-@xn'é ", max_size=12).map("ada{}@example.org".format),
    st.text("abz019ABZ._+-@xn'é ", max_size=12).map("ada@example{}".format),
    st.builds("{}@{}".format, st.sampled_from(["a" * 60, "b"]), st.text("ab.-", max_size=300)),
)


def by_the_library(text: str) -> str | None:
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        found = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False
        )
    except email_validator.EmailNotValidError:
        return None
    if found.smtputf8:
        return None
    return f"{found.local_part}@{found.ascii_domain}"


@given(NEARLY_PLAIN)
@example("a@1.2.3.4")
@example("a@b")
@example("ada@xn--bcher-kva.example")
@example("ada@ab--cd.example")
@example("Postmaster@Example.org")
@example("a.b_c+d-e@localhost")
@example(f"a@{'b' * 62}")
@example(f"a@{'b' * 64}")
def test_an_address_is_what_the_library_makes_of_it(text: str) -> None:
    text = text.strip()
    expected = by_the_library(text)
    if expected is None:
        with pytest.raises(ValueError, match="address"):
            address(text)
    else:
        assert address(text) == expected
        assert address(expected) == expected
        assert ascii_address(expected) == expected


@pytest.mark.parametrize("text", ["ä@example.org", "ä@exämple.org", "Ada <用户@example.org>"])
def test_letters_that_few_servers_take_are_refused_with_the_reason(text: str) -> None:
    with pytest.raises(ValueError, match=r"SMTPUTF8.*write an address in ASCII"):
        address(text)


def test_what_could_be_read_as_an_encoded_word_is_refused() -> None:
    with pytest.raises(ValueError, match=r"=\? before the @"):
        address("=?utf-8?q?x?=@example.org")


def test_a_domain_in_letters_of_its_own_is_taken() -> None:
    assert address("ada@bücher.example") == "ada@xn--bcher-kva.example"
