"""What all request and answer models share: unknown fields refused, text cleaned, ids as strings, aware times (docs/api.md)."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime
from typing import Annotated, ClassVar, Generic, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic_core import PydanticCustomError

T = TypeVar("T")
D = TypeVar("D", bound=date)
EARLIEST, LATEST = 2000, 2100  # years that a form may name


class In(BaseModel):
    """A request body or query: an unknown field is an error, so that a typing mistake is never silently lost.

    `problem` is the code that a body of this shape is refused with.
    """

    problem: ClassVar[str] = "INVALID"
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Out(BaseModel):
    """An answer: what is not declared here never leaves."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Page(Out, Generic[T]):
    """A page of a list. `next` is the `after` of the following page, null at the end."""

    items: list[T]
    next: str | None = None


class PageQuery(In):
    """Keyset paging: hand back `next` as `after`."""

    after: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")] | None = None
    limit: int = Field(20, ge=1, le=100)


class Done(Out):
    """Nothing to tell but that it is done."""

    ok: bool = True


# Marks that turn the reading direction around: with them a name or a title can show something else than it holds.
DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _one_line(text: str) -> str:
    return _readable(text, ("Cc", "Cs", "Zl", "Zp"))


def _many_lines(text: str) -> str:
    return _readable(text.replace("\r\n", "\n"), ("Cc", "Cs"), but="\n\t")


def _readable(text: str, refused: tuple[str, ...], but: str = "") -> str:
    if any(char in DIRECTIONS or unicodedata.category(char) in refused for char in text if char not in but):
        raise PydanticCustomError("control_characters", "control characters")
    if text and not any(unicodedata.category(char)[0] in "LNPS" for char in text):
        raise PydanticCustomError("invisible", "nothing to see")
    return unicodedata.normalize("NFC", text)


def _in_our_time(at: datetime) -> datetime:
    """To UTC; far years are typing mistakes, and the calendar of Python ends where time zones are added to 9999."""
    _year(at)
    return at.astimezone(UTC)


def _year(day: D) -> D:
    if not EARLIEST <= day.year <= LATEST:
        raise PydanticCustomError("year", "year")
    return day


def _phone(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).replace(" ", "").replace("-", "").removeprefix("+86")
    if len(plain) != 11 or not plain.isascii() or not plain.isdigit() or plain[0] != "1":
        raise PydanticCustomError("phone", "phone")
    return plain


Line = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_one_line)]
LongLine = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_one_line)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_many_lines)]
Phone = Annotated[str, StringConstraints(max_length=24), AfterValidator(_phone)]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9A-HJKMNP-TV-Z]{13}$")]
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")]
Token = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Reason = Annotated[str, StringConstraints(max_length=200), AfterValidator(_one_line)]
When = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
Day = Annotated[date, AfterValidator(_year)]
Instant = Annotated[
    datetime, PlainSerializer(lambda at: at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), return_type=str)
]
