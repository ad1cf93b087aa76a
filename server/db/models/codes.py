"""Codes (docs/protocol.md §1): the object behind a token, its epochs, one-time codes and screens."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, SmallInteger, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import big, digest, enum_type, json_list, line, maybe_ref, pk, public_id, ref, short, utc
from server.domain.posters import PosterForm, PosterStyle, PrintState

OPEN_EPOCH = text("valid_to IS NULL")


class Code(Base):
    """The random 40-bit handle `obj` of a thing that can be scanned; never the primary key of that thing."""

    __tablename__ = "code"
    __table_args__ = (
        CheckConstraint("obj BETWEEN 0 AND 1099511627775", name="obj_40_bits"),
        CheckConstraint("epoch BETWEEN 0 AND 255", name="epoch_8_bits"),
        Index("uq_code_subject", "subject_kind", "subject_id", "kind", unique=True, sqlite_where=text("retired_at IS NULL"),
              postgresql_where=text("retired_at IS NULL")),
    )  # fmt: skip

    id: Mapped[pk]
    public_id: Mapped[public_id]
    obj: Mapped[big] = mapped_column(unique=True)
    kind: Mapped[int] = mapped_column(SmallInteger, comment="docs/protocol.md §1, field kind")
    mode: Mapped[int] = mapped_column(SmallInteger, comment="0 static, 1 rotating: what this object's codes are")
    epoch: Mapped[int] = mapped_column(SmallInteger, default=0, comment="the open row of code_epoch, here for the live scan")
    subject_kind: Mapped[short] = mapped_column(comment="community, task, person, document …")
    subject_id: Mapped[big]
    community_id: Mapped[int | None] = maybe_ref("org_node.id", index=True, comment="empty for a person's code")
    label: Mapped[line]
    created_at: Mapped[utc]
    retired_at: Mapped[utc | None]


class CodeEpoch(Base):
    """Revocation: closing a row and opening the next. Late messages are judged by the row valid at their time."""

    __tablename__ = "code_epoch"
    __table_args__ = (
        Index("uq_code_epoch_code_id_epoch", "code_id", "epoch", unique=True),
        Index("uq_code_epoch_open", "code_id", unique=True, sqlite_where=OPEN_EPOCH, postgresql_where=OPEN_EPOCH),
    )

    id: Mapped[pk]
    code_id: Mapped[int] = ref("code.id")
    epoch: Mapped[int] = mapped_column(SmallInteger)
    valid_from: Mapped[utc]
    valid_to: Mapped[utc | None]
    reason: Mapped[str | None] = mapped_column(String(200))
    by_id: Mapped[int | None] = maybe_ref("person.id")


class OneTimeCode(Base):
    """A code that is spent by one guarded UPDATE (console sign-in, 核销)."""

    __tablename__ = "one_time_code"

    id: Mapped[pk]
    obj: Mapped[big]
    nonce: Mapped[big] = mapped_column(comment="32 bits, the token's slot field")
    kind: Mapped[int] = mapped_column(SmallInteger)
    bound_to: Mapped[short]
    subject_id: Mapped[big | None]
    expires_at: Mapped[utc]
    used_at: Mapped[utc | None]
    used_by: Mapped[int | None] = maybe_ref("person.id")
    used_key: Mapped[short | None] = mapped_column(comment="the idempotency key it was spent with: the same gets the same answer")

    __table_args__ = (
        Index("uq_one_time_code_obj_nonce", "obj", "nonce", unique=True),
        Index("ix_one_time_code_bound_to_id", "bound_to", "id"),
    )


class DeskSignIn(Base):
    """A browser that asks to be signed in by a phone: what the phone is told, and which of three numbers was picked there, once."""

    __tablename__ = "desk_sign_in"
    __table_args__ = (CheckConstraint("number BETWEEN 10 AND 99", name="two_digits"), Index("ix_desk_sign_in_asked_at", "asked_at"))

    id: Mapped[pk]
    code_id: Mapped[int] = ref("one_time_code.id", unique=True)
    number: Mapped[int] = mapped_column(SmallInteger, comment="shown on the desktop alone")
    numbers: Mapped[json_list] = mapped_column(
        comment="the three that the phone shows, drawn once: the right one is not found by asking twice"
    )
    browser: Mapped[short] = mapped_column(comment="as people know it, never the text that the browser sent")
    network: Mapped[short] = mapped_column(comment="the coarse part of the address")
    asked_at: Mapped[utc]
    read_by: Mapped[int | None] = maybe_ref("person.id", comment="who read it first; nobody else may answer")
    picked: Mapped[int | None] = mapped_column(SmallInteger, comment="0: he said that it was not him")
    picked_at: Mapped[utc | None]


class Screen(Base):
    """A screen that shows a rotating code: it fetches slots, holds no key, and can be revoked."""

    __tablename__ = "screen"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    code_id: Mapped[int] = ref("code.id", index=True)
    token_hash: Mapped[digest] = mapped_column(unique=True)
    opened_by: Mapped[int] = ref("person.id")
    opened_at: Mapped[utc]
    expires_at: Mapped[utc]
    revoked_at: Mapped[utc | None]


class HallLink(Base):
    """The link of a screen in a community's hall. Its address is signed, so that it can be told again; only this row makes it good."""

    __tablename__ = "hall_link"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    community_id: Mapped[int] = ref("org_node.id", index=True)
    label: Mapped[line] = mapped_column(comment="where the screen stands")
    opened_by: Mapped[int] = ref("person.id")
    opened_at: Mapped[utc]
    expires_at: Mapped[utc]
    revoked_at: Mapped[utc | None]


class PosterPrint(Base):
    """A poster, or all posters of a community, drawn by a job. `key` is the hash of all that stands on it: asked again, it is there."""

    __tablename__ = "poster_print"
    __table_args__ = (CheckConstraint("done BETWEEN 0 AND total", name="done_of_total"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    key: Mapped[digest] = mapped_column(unique=True)
    community_id: Mapped[int] = ref("org_node.id", index=True)
    content: Mapped[json_list] = mapped_column(comment="the texts, one object a poster; links are drawn from the codes")
    form: Mapped[PosterForm] = mapped_column(enum_type(PosterForm))
    style: Mapped[PosterStyle] = mapped_column(enum_type(PosterStyle))
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int]
    sha256: Mapped[digest | None] = mapped_column(comment="in the files port, area posters")
    requested_by: Mapped[int | None] = maybe_ref("person.id")
    requested_at: Mapped[utc]
    finished_at: Mapped[utc | None]
    failed_at: Mapped[utc | None]

    @property
    def state(self) -> PrintState:
        """Where it is, from what is there."""
        if self.sha256 is not None:
            return PrintState.DONE
        return PrintState.WAITING if self.failed_at is None else PrintState.FAILED


class WxaPicture(Base):
    """A mini-program code that WeChat drew for a token, by the token's hash: asked for once."""

    __tablename__ = "wxa_picture"

    token_hash: Mapped[digest] = mapped_column(primary_key=True)
    sha256: Mapped[digest]
    fetched_at: Mapped[utc]
