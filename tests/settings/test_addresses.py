"""Plain addresses are taken without asking email-validator: it would have said the same."""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

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
