"""Annotated columns shared by all models: ids, aware UTC times, enums as short text with CHECK."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, ForeignKey, Integer, LargeBinary, String, TypeDecorator
from sqlalchemy.orm import mapped_column

BigInt = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime; a naive one is a bug and refused (R4: times are facts)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; SQLite keeps UTC without its zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime may not enter the database")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def enum_type(enum: type[StrEnum], name: str | None = None) -> Enum:
    """The values of a StrEnum as VARCHAR(24) with a CHECK (`name` where a table has two of one enum); values are never renamed."""
    return Enum(
        enum,
        native_enum=False,
        create_constraint=True,
        length=24,
        name=name or enum.__name__.lower(),
        values_callable=lambda members: [member.value for member in members],
        validate_strings=True,
    )


def ref(target: str, **options: Any) -> Any:
    """A required BIGINT foreign key to `table.column`."""
    return mapped_column(BigInt, ForeignKey(target), nullable=False, **options)


def maybe_ref(target: str, **options: Any) -> Any:
    """An optional BIGINT foreign key to `table.column`."""
    return mapped_column(BigInt, ForeignKey(target), nullable=True, **options)


pk = Annotated[int, mapped_column(BigInt, primary_key=True)]
big = Annotated[int, mapped_column(BigInt)]
public_id = Annotated[str, mapped_column(String(16), unique=True)]
utc = Annotated[datetime, mapped_column(UtcDateTime())]
short = Annotated[str, mapped_column(String(64))]
line = Annotated[str, mapped_column(String(200))]
digest = Annotated[str, mapped_column(String(64))]
sealed = Annotated[bytes, mapped_column(LargeBinary)]
json_list = Annotated[list[Any], mapped_column(JSON)]
json_map = Annotated[dict[str, Any], mapped_column(JSON)]
