"""Links that only this program can make: each signed for one purpose, and of use for some time."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from itsdangerous import (
    BadData,
    HMACAlgorithm,
    SignatureExpired,
    TimestampSigner,
    URLSafeTimedSerializer,
    want_bytes,
)
from typing_extensions import override

from watcher.errors import WatcherError

BY_PAGES = "web-"
"""What the ids of subscriptions begin with that people have made on the pages."""


class Purpose(StrEnum):
    """What a link lets its holder do; the word stands in its path."""

    CONFIRM = "confirm"
    MANAGE = "manage"
    NEVER = "never"
    ARCHIVE = "archive"
    FEED = "feed"
    MORE = "more"
    NOT = "not"
    FORM = "form"  # in no link: it comes back with a form of a page of ours


AGES = {
    Purpose.CONFIRM: dt.timedelta(days=3),
    Purpose.MANAGE: dt.timedelta(days=400),
    Purpose.NEVER: dt.timedelta(days=400),
    Purpose.MORE: dt.timedelta(days=400),
    Purpose.NOT: dt.timedelta(days=400),
    Purpose.FORM: dt.timedelta(days=1),
    # They let nobody do anything but read, and stand in bookmarks and feed readers.
    Purpose.ARCHIVE: dt.timedelta(days=3652),
    Purpose.FEED: dt.timedelta(days=3652),
}
"""How long each works."""

_MANY = frozenset((Purpose.MORE, Purpose.NOT))
"""Those of which a mail has so many that their length counts."""


class LinkError(WatcherError):
    """A link that was not made here, not for this, or lost a part."""


class ExpiredLinkError(LinkError):
    """A link that was made here, for this, and too long ago."""


class Links:
    """Makes links below `public_url` and reads them; `secret` is that of `[web]`."""

    def __init__(self, secret: str, public_url: str, clock: Callable[[], dt.datetime]) -> None:
        self._secret, self._public_url = secret, public_url
        self._serializers = {
            purpose: URLSafeTimedSerializer(
                secret,
                salt=f"paper-watcher {purpose}",  # what was made for another does not fit
                signer=_Signer,
                signer_kwargs={
                    "clock": clock,
                    "key_derivation": "hmac",
                    "digest_method": hashlib.sha256,
                    **({"algorithm": _Half(hashlib.sha256)} if purpose in _MANY else {}),
                },
            )
            for purpose in Purpose
        }

    def at(self, instant: dt.datetime) -> Links:
        """The same as they were made then: of one instant, a link is always the same."""
        return Links(self._secret, self._public_url, lambda: instant)

    def token(self, purpose: Purpose, *told: str) -> str:
        """The signed text of a link, safe in a path, that gives `told` back."""
        return self._serializers[purpose].dumps(list(told))

    def url(self, purpose: Purpose, *told: str) -> str:
        """The whole link."""
        return f"{self._public_url}/{purpose}/{self.token(purpose, *told)}"

    def read(self, purpose: Purpose, token: str) -> tuple[str, ...]:
        """What the link was told. Raises LinkError, of which ExpiredLinkError is one."""
        try:
            told: object = self._serializers[purpose].loads(
                token, max_age=int(AGES[purpose].total_seconds())
            )
        except SignatureExpired as error:
            raise ExpiredLinkError("this link has expired") from error
        except (BadData, UnicodeError) as error:
            raise LinkError("this link is not whole, or not from here") from error
        return tuple(map(str, told)) if isinstance(told, list) else ()


class _Half(HMACAlgorithm):
    """Signs with the first 128 bits of the HMAC (RFC 2104, section 5, allows half of it)."""

    @override
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        whole = super().get_signature(key, value)
        return whole[: len(whole) // 2]


class _Signer(TimestampSigner):
    """One with a clock of its own."""

    def __init__(self, *given: Any, clock: Callable[[], dt.datetime], **more: Any) -> None:  # noqa: ANN401  # as its parent
        super().__init__(*given, **more)
        self._clock = clock

    @override
    def get_timestamp(self) -> int:
        return int(self._clock().timestamp())

    @override
    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        # By its text: many texts decode to one signature, and each would be a link of its own,
        # also of those that work once.
        return hmac.compare_digest(want_bytes(sig), self.get_signature(value))
