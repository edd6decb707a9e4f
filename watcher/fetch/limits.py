"""How long the site wants to be left alone.

It counts in fixed windows, pages and API calls apart, and says in each answer what is left:
`ratelimit: "pages";r=94;t=53` (94 more within 53 s).
"""

from __future__ import annotations

import datetime as dt
import email.utils
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import httpx

DEFAULT_WAIT: Final = 300.0  # seconds: the length of the site's windows
LONGEST_WAIT: Final = 3600.0
_POLICY = re.compile(r'"([^"]{1,64})"((?:\s*;\s*\w{1,8}\s*=\s*\d{1,9})+)')
_PARAMETER = re.compile(r"(\w+)\s*=\s*(\d+)")


@dataclass(frozen=True, slots=True)
class Hold:
    """Nothing is to be asked before `until`; `status` is what the site said, or would say."""

    until: dt.datetime
    status: int


class Limits:
    """What each policy allows; which policy counts a form of request is learned from answers."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._policies = {"page": "pages", "api": "api", "paper": "api"}
        self._holds: dict[str, Hold] = {}

    def held(self, form: str) -> tuple[float, int] | None:
        """Seconds still to wait before such a request, and the status that stands for."""
        hold = self._holds.get(self._policies[form])
        if hold is None:
            return None
        left = (hold.until - self._clock()).total_seconds()
        # A clock that was set back must not prolong the wait.
        return (left, hold.status) if 0 < left <= LONGEST_WAIT else None

    def note(self, form: str, response: httpx.Response) -> float | None:
        """Remember what an answer says about the next ones.

        Where it refuses this one for their number, the seconds to wait.
        """
        wait, reset = self._retry_after(response), None
        for name, parameters in _POLICY.findall(response.headers.get("ratelimit", "")):
            found = {key: float(value) for key, value in _PARAMETER.findall(parameters)}
            if reset is None:
                self._policies[form], reset = name, found.get("t")
            if found.get("r") == 0 and "t" in found:
                self._hold(name, found["t"], 429)
        status = response.status_code
        if status == 429 or (status == 503 and wait is not None):
            waits = (seconds for seconds in (wait, reset) if seconds is not None)
            return self._hold(self._policies[form], next(waits, DEFAULT_WAIT), status)
        return None

    def _hold(self, policy: str, seconds: float, status: int) -> float:
        seconds = min(max(seconds, 1.0), LONGEST_WAIT)
        self._holds[policy] = Hold(self._clock() + dt.timedelta(seconds=seconds), status)
        return seconds

    def _retry_after(self, response: httpx.Response) -> float | None:
        text = response.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,9}", text):
            return float(text)
        try:
            at = email.utils.parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        return (at.replace(tzinfo=at.tzinfo or dt.UTC) - self._clock()).total_seconds()
