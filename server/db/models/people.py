"""Persons, their accounts, sessions, roles, consents and binding requests."""

from __future__ import annotations

from datetime import date

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.db.base import Base
from server.db.types import digest, enum_type, json_map, maybe_ref, pk, public_id, ref, sealed, short, utc
from server.domain.people import BindingState, ConsentChannel, MemberType, PersonState, Purpose
from server.domain.permissions import Role


class Person(Base):
    """One human being. `salt` is the key of all his ciphertexts: erasing him sets it to NULL."""

    __tablename__ = "person"
    __table_args__ = (
        Index("uq_person_phone_hash", "phone_hash", unique=True, postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_person_name_hash", "name_hash"),
    )

    id: Mapped[pk]
    public_id: Mapped[public_id]
    salt: Mapped[bytes | None] = mapped_column(LargeBinary)
    name: Mapped[sealed | None]
    name_hash: Mapped[digest | None]
    phone: Mapped[sealed | None]
    phone_hash: Mapped[digest | None]
    member_type: Mapped[MemberType] = mapped_column(enum_type(MemberType))
    elder: Mapped[bool] = mapped_column(default=False)
    unit_id: Mapped[int | None] = maybe_ref("unit.id", index=True)
    branch_id: Mapped[int | None] = maybe_ref("unit_branch.id")
    state: Mapped[PersonState] = mapped_column(enum_type(PersonState), default=PersonState.ACTIVE)
    has_grants: Mapped[bool] = mapped_column(default=False, comment="spares the look-up of roles for everybody else")
    merged_into_id: Mapped[int | None] = maybe_ref("person.id", comment="state merged: who this turned out to be")
    created_via: Mapped[short]
    created_at: Mapped[utc]


class PersonMerge(Base):
    """Two persons that turned out to be one, and by row what went over, so that it can be undone. Community: whose staff may undo it."""

    __tablename__ = "person_merge"
    __table_args__ = (Index("ix_person_merge_community_id_id", "community_id", "id"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    from_id: Mapped[int] = ref("person.id", index=True)
    into_id: Mapped[int] = ref("person.id", index=True)
    community_id: Mapped[int] = ref("org_node.id")
    moved: Mapped[json_map] = mapped_column(comment="table.column: the ids of the rows that went over")
    merged_at: Mapped[utc]
    undone_at: Mapped[utc | None]


class WechatAccount(Base):
    """A mini-program account; not a person: an elder's may be his child's."""

    __tablename__ = "wechat_account"
    __table_args__ = (Index("uq_wechat_account_appid_openid", "appid", "openid", unique=True),)

    id: Mapped[pk]
    appid: Mapped[short]
    openid: Mapped[short]
    person_id: Mapped[int] = ref("person.id", index=True)
    created_at: Mapped[utc]
    last_seen_at: Mapped[utc]


class LoginSession(Base):
    """A bearer token, stored hashed; 30 days for a member, eight hours and fifteen idle minutes for staff; revocable."""

    __tablename__ = "login_session"

    id: Mapped[pk]
    public_id: Mapped[public_id]
    token_hash: Mapped[digest] = mapped_column(unique=True)
    person_id: Mapped[int] = ref("person.id", index=True)
    channel: Mapped[short]
    browser: Mapped[short] = mapped_column(default="", comment="as people know it: Windows · Edge; empty for a phone")
    created_at: Mapped[utc]
    last_seen_at: Mapped[utc] = mapped_column(comment="of staff, noted once a minute at most; a member's is the beginning")
    expires_at: Mapped[utc]
    revoked_at: Mapped[utc | None]


class StaffLogin(Base):
    """A name and an argon2 hash for staff who sign in without a phone; with the secret of an authenticator where one was enrolled."""

    __tablename__ = "staff_login"

    id: Mapped[pk]
    person_id: Mapped[int] = ref("person.id", index=True)
    login: Mapped[short] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    password_set_at: Mapped[utc | None] = mapped_column(comment="empty: somebody else gave it to him, he has to choose his own")
    totp_secret: Mapped[sealed | None] = mapped_column(comment="base32, RFC 6238; sealed under the person's salt and the login")
    totp_since: Mapped[utc | None]
    totp_step: Mapped[int | None] = mapped_column(comment="the last half minute whose code was accepted: none counts twice")


class SignInCounter(Base):
    """Wrong passwords and codes in a row: of a name that was typed (there need be no such login), or of a login at a browser it knows."""

    __tablename__ = "sign_in_counter"

    id: Mapped[pk]
    key: Mapped[digest] = mapped_column(unique=True, comment="HMAC of the name, or of the name and the browser's cookie")
    login_id: Mapped[int | None] = maybe_ref("staff_login.id", index=True, comment="set: it signed in at this browser before")
    failures: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[utc | None]
    last_at: Mapped[utc] = mapped_column(comment="of a name the last failure, of a browser the last use")


class StaffPassword(Base):
    """The last passwords of a login, the present one among them: none of them may come again."""

    __tablename__ = "staff_password"

    id: Mapped[pk]
    login_id: Mapped[int] = ref("staff_login.id", index=True)
    password_hash: Mapped[str] = mapped_column(String(200))
    set_at: Mapped[utc]


class RecoveryCode(Base):
    """One of ten codes on paper that stand for the authenticator once; 80 random bits, stored hashed."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index("uq_recovery_code_login_id_code_hash", "login_id", "code_hash", unique=True),)

    id: Mapped[pk]
    login_id: Mapped[int] = ref("staff_login.id")
    code_hash: Mapped[digest]
    made_at: Mapped[utc]
    used_at: Mapped[utc | None]


class RoleGrant(Base):
    """A role on a node of the tree or on a unit, for a period."""

    __tablename__ = "role_grant"
    __table_args__ = (CheckConstraint("(node_id IS NULL) <> (unit_id IS NULL)", name="node_or_unit"),)

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id", index=True)
    role: Mapped[Role] = mapped_column(enum_type(Role))
    node_id: Mapped[int | None] = maybe_ref("org_node.id", index=True)
    unit_id: Mapped[int | None] = maybe_ref("unit.id", index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    granted_by: Mapped[int | None] = maybe_ref("person.id")


class Consent(Base):
    """What a person agreed to, for one purpose, in which version of the text and through which channel (R7)."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("uq_consent_open", "person_id", "purpose", unique=True, sqlite_where=text("withdrawn_at IS NULL"),
              postgresql_where=text("withdrawn_at IS NULL")),
    )  # fmt: skip

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id")
    purpose: Mapped[Purpose] = mapped_column(enum_type(Purpose))
    version: Mapped[short]
    channel: Mapped[ConsentChannel] = mapped_column(enum_type(ConsentChannel))
    witness_id: Mapped[int | None] = maybe_ref("person.id")
    given_at: Mapped[utc]
    withdrawn_at: Mapped[utc | None]


class BindingRequest(Base):
    """A person whose phone is refused or unknown asks the secretary to match him by hand."""

    __tablename__ = "binding_request"
    __table_args__ = (
        Index("ix_binding_request_community_id_state_id", "community_id", "state", "id"),
        Index("uq_binding_request_open", "person_id", unique=True, sqlite_where=text("state = 'submitted'"),
              postgresql_where=text("state = 'submitted'")),
    )  # fmt: skip

    id: Mapped[pk]
    public_id: Mapped[public_id]
    person_id: Mapped[int] = ref("person.id")
    community_id: Mapped[int] = ref("org_node.id")
    claimed_name: Mapped[sealed]
    claimed_unit: Mapped[sealed | None]
    note: Mapped[sealed | None]
    state: Mapped[BindingState] = mapped_column(enum_type(BindingState), default=BindingState.SUBMITTED)
    version: Mapped[int] = mapped_column(default=0)
    roster_entry_id: Mapped[int | None] = maybe_ref("roster_entry.id")
    reason: Mapped[str | None] = mapped_column(String(200))
    submitted_at: Mapped[utc]
    decided_at: Mapped[utc | None]
    decided_by: Mapped[int | None] = maybe_ref("person.id")
