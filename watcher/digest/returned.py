"""The mails to the operator about digests that came back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from watcher.digest.notice import Explanation, Notice, argument, line, name


@dataclass(frozen=True, slots=True)
class RecipientPaused(Notice):
    """A recipient that no digest is sent to any more; `reason` says what came back."""

    kind: ClassVar[str] = "recipient-paused"
    subscription: str
    recipient: str
    reason: str

    @override
    def explained(self) -> Explanation:
        recipient = name(self.recipient)
        return Explanation(
            subject=f"{recipient} is paused: mail comes back",
            headline=f"{recipient} is paused, because mail to it comes back",
            facts=(("Subscription", name(self.subscription)), ("Reason", line(self.reason))),
            meaning="No digest is sent to this address until it is resumed, from whichever "
            "subscription. Other recipients are not affected. Where it is the only one, what "
            "matches waits.",
            action="If the address is gone, take it out of every `to`. If it is good, this sends "
            "digests there again, from the next one on:",
            command=f"watcher subscriptions resume {argument(self.recipient)}",
        )


@dataclass(frozen=True, slots=True)
class MailReturned(Notice):
    """A digest that a server took and another one gave back; the next one is tried as usual."""

    kind: ClassVar[str] = "mail-returned"
    subscription: str
    recipient: str
    answer: str

    @override
    def explained(self) -> Explanation:
        recipient = name(self.recipient)
        return Explanation(
            subject=f"a digest to {recipient} came back",
            headline=f"A digest to {recipient} came back",
            facts=(("Subscription", name(self.subscription)), ("Answer", line(self.answer))),
            meaning="This digest did not reach this address. The next one will be tried as usual; "
            "when several in a row come back over some days, the address is paused.",
            action="If the address is wrong or gone, correct it in the subscription's `to`, then:",
            command="watcher check-config",
        )
