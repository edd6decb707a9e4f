"""The kinds of values that keys have: what is made of them before they are checked, and how."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_core import PydanticKnownError

from watcher.settings import values

_Value = TypeVar("_Value")


def _no_truth(value: _Value) -> _Value:
    """True and false are numbers to Python, and to nobody else."""
    if isinstance(value, bool):
        raise PydanticKnownError("int_type")
    return value


def lowered(value: object) -> object:
    """A text in small letters; what is none is told elsewhere."""
    return value.strip().lower() if isinstance(value, str) else value


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _absent(value: object) -> object:
    return None if value == "" else value


def _time_as_text(value: object) -> object:
    return f"{value:%H:%M}" if isinstance(value, dt.time) else value


def _day(value: object) -> object:
    """A day, as TOML has it or in quotes; an instant is none."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value.strip()) if value.strip() else None
        except ValueError:
            pass
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    raise ValueError("must be a day, on which the rule wakes up: snoozed_until = 2027-01-01")


def _distinct(found: tuple[str, ...]) -> tuple[str, ...]:
    first = {each.casefold(): each for each in reversed(found)}
    return tuple(each for each in found if first[each.casefold()] is each)


def _if_any(text: str) -> str:
    return values.address(text) if text.strip() else ""


def _language_if_any(text: str) -> str:
    return values.language(text) if text.strip() else ""


def _ping_url(secret: SecretStr) -> SecretStr:
    return SecretStr(values.ping_url(secret.get_secret_value()))


def _sender_if_any(text: str) -> str:
    return values.sender(text) if text.strip() else ""


Lowered = BeforeValidator(lowered)
Listed = BeforeValidator(_listed)
TimeAsText = BeforeValidator(_time_as_text)
Count = Annotated[int, BeforeValidator(_no_truth), Field(ge=0)]
Rate = Annotated[float, BeforeValidator(_no_truth), Field(ge=0, allow_inf_nan=False)]
Days = Annotated[Count, Field(le=36500)]  # a calendar ends some time
Seconds = Annotated[float, BeforeValidator(_no_truth), Field(gt=0, le=600, allow_inf_nan=False)]
LanguageCode = Annotated[str, AfterValidator(values.language)]
FilePath = Annotated[Path | None, BeforeValidator(_absent)]
Texts = Annotated[tuple[str, ...], Listed]
Address = Annotated[str, AfterValidator(_if_any)]
Addresses = Annotated[
    tuple[Annotated[str, AfterValidator(values.address)], ...],
    Listed,
    AfterValidator(_distinct),
]
BounceAddress = Annotated[str, AfterValidator(values.bounce_address)]
Name = Annotated[str, AfterValidator(values.name)]
Zone = Annotated[str, AfterValidator(values.zone)]
OneLine = Annotated[str, AfterValidator(values.one_line)]
Day = Annotated[dt.date | None, BeforeValidator(_day)]
LanguageIfAny = Annotated[str, AfterValidator(_language_if_any)]
SenderIfAny = Annotated[str, AfterValidator(_sender_if_any)]
PingUrl = Annotated[SecretStr, AfterValidator(_ping_url)]
