"""Unsubscribing at a click (RFC 8058): a URL for each recipient, which nobody else can make."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote


class OneClick:
    """The way out of one subscription that mail programs offer as a button.

    `url` has the placeholders {subscription}, {recipient} and {token}; `otherwise` is a URL for
    those who have no such program, or empty.
    """

    def __init__(self, url: str, secret: str, *, subscription_id: str, otherwise: str) -> None:
        # What is filled in is percent-encoded, and so never a placeholder itself.
        self._url = url.replace("{subscription}", quote(subscription_id, safe=""))
        self._key = secret.encode()
        self._subscription_id = subscription_id
        self._otherwise = f", <{otherwise}>" if otherwise else ""

    def token(self, recipient: str) -> str:
        """The same whenever it is asked for, and another one for each pair with a subscription."""
        told = f"{self._subscription_id}\n{recipient}".encode()  # no address holds a line break
        digest = hmac.digest(self._key, told, "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")

    def headers(self, recipient: str) -> dict[str, str]:
        """The headers of the mail to that address."""
        url = self._url.replace("{recipient}", quote(recipient, safe=""))
        url = url.replace("{token}", self.token(recipient))
        return {
            "List-Unsubscribe": f"<{url}>{self._otherwise}",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        }
