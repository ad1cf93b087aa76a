"""Who may do what: the one permission table (house law 4). docs/permissions.md is rendered from it and compared in tests.

A permission is `subject:verb`. A role is granted on a node of the org tree (it covers the node and all below) or on a unit. What a row
needs beyond the role (the claimer himself, the same community) is checked in the service with `scopes`. A row outside the scope is a 404.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Permission(StrEnum):
    """Keep alphabetised."""

    ATTENDANCE_RECORD = "attendance:record"
    AUDIT_READ = "audit:read"
    BINDINGS_DECIDE = "bindings:decide"
    CHECKINS_CREATE = "checkins:create"
    CLAIMS_CREATE = "claims:create"
    CLAIMS_DECIDE = "claims:decide"
    CODES_MANAGE = "codes:manage"
    DOCUMENTS_ISSUE = "documents:issue"
    FEEDBACKS_ANSWER = "feedbacks:answer"
    FEEDBACKS_ENTER = "feedbacks:enter"
    FEEDBACKS_OVERSEE = "feedbacks:oversee"
    FEEDBACKS_SUBMIT = "feedbacks:submit"
    FIGURES_NAMES = "figures:names"  # who stands behind a figure: with a reason, and each reading is kept
    JOBS_MANAGE = "jobs:manage"
    KEYS_ROTATE = "keys:rotate"
    ME = "me:use"
    MEMBERS_READ = "members:read"
    MERGES_UNDO = "merges:undo"  # two persons are two after all; the county: also where no community is known
    ORGS_MANAGE = "orgs:manage"
    POLICIES_SET = "policies:set"
    RECORDS_CONFIRM = "records:confirm"
    RECORDS_REPORT = "records:report"
    RECORDS_VOID = "records:void"
    REGISTRATIONS_DECIDE = "registrations:decide"
    REGISTRATIONS_PROXY = "registrations:proxy"
    REGISTRATIONS_SUBMIT = "registrations:submit"
    REQUESTS_CALL_BACK = "requests:call_back"
    REQUESTS_DISPATCH = "requests:dispatch"
    REQUESTS_ENTER = "requests:enter"
    REQUESTS_ESCALATED = "requests:escalated"
    REQUESTS_HANDLE = "requests:handle"
    REQUESTS_READ = "requests:read"
    REQUESTS_SUBMIT = "requests:submit"
    REQUESTS_TRIAGE = "requests:triage"
    REVIEWS_ENTER = "reviews:enter"
    REVIEWS_HOLD = "reviews:hold"
    ROLES_GRANT = "roles:grant"
    ROSTERS_IMPORT = "rosters:import"
    SCREENS_OPEN = "screens:open"
    TALLIES_READ = "tallies:read"
    TASKS_MANAGE = "tasks:manage"
    TASKS_ORGANISE = "tasks:organise"  # what a named organiser does for his own task; the service checks the row
    TEAMS_MANAGE = "teams:manage"
    UNIT_MEMBERS_READ = "unit_members:read"
    UNIT_REGISTRATIONS_DECIDE = "unit_registrations:decide"
    UNIT_REGISTRATIONS_SUBMIT = "unit_registrations:submit"
    UNITS_MANAGE = "units:manage"
    WISHES_CLAIM = "wishes:claim"
    WISHES_COLLECT = "wishes:collect"
    WISHES_MANAGE = "wishes:manage"


class Role(StrEnum):
    """Roles that are granted; what every signed-in person may do is BASE."""

    GRID_WORKER = "grid_worker"
    ORGANISER = "organiser"
    CLERK = "clerk"
    SECRETARY = "secretary"
    STREET = "street"
    COUNTY = "county"
    UNIT_LIAISON = "unit_liaison"
    UNIT_BRANCH = "unit_branch"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"
    AUDITOR = "auditor"


ROLE_NAMES: Mapping[Role, str] = {
    Role.GRID_WORKER: "网格员",
    Role.ORGANISER: "组织者",
    Role.CLERK: "社区工作人员",
    Role.SECRETARY: "社区书记",
    Role.STREET: "街道",
    Role.COUNTY: "区县组织部",
    Role.UNIT_LIAISON: "单位联络员",
    Role.UNIT_BRANCH: "单位支部",
    Role.SYSTEM_ADMIN: "系统管理员",
    Role.SECURITY_ADMIN: "安全管理员",
    Role.AUDITOR: "审计员",
}
P = Permission
BASE = frozenset(
    {
        P.ME,
        P.CHECKINS_CREATE,
        P.CLAIMS_CREATE,
        P.FEEDBACKS_SUBMIT,
        P.RECORDS_REPORT,
        P.REGISTRATIONS_SUBMIT,
        P.REQUESTS_HANDLE,
        P.REQUESTS_SUBMIT,
        P.TASKS_ORGANISE,
        P.WISHES_CLAIM,
    }
)
_ORGANISER = frozenset({P.ATTENDANCE_RECORD, P.SCREENS_OPEN, P.RECORDS_CONFIRM})
_CLERK = _ORGANISER | {
    P.BINDINGS_DECIDE,
    P.CODES_MANAGE,
    P.DOCUMENTS_ISSUE,
    P.FEEDBACKS_ENTER,
    P.FIGURES_NAMES,
    P.MEMBERS_READ,
    P.MERGES_UNDO,
    P.REGISTRATIONS_DECIDE,
    P.REGISTRATIONS_PROXY,
    P.REQUESTS_CALL_BACK,
    P.REQUESTS_DISPATCH,
    P.REQUESTS_ENTER,
    P.REQUESTS_READ,
    P.REQUESTS_TRIAGE,
    P.REVIEWS_ENTER,
    P.ROSTERS_IMPORT,
    P.TALLIES_READ,
    P.TASKS_MANAGE,
    P.TEAMS_MANAGE,
    P.UNIT_REGISTRATIONS_DECIDE,
    P.UNIT_REGISTRATIONS_SUBMIT,
    P.UNITS_MANAGE,
    P.WISHES_COLLECT,
    P.WISHES_MANAGE,
}
GRANTS: Mapping[Role, frozenset[Permission]] = {
    Role.GRID_WORKER: frozenset({P.ATTENDANCE_RECORD, P.REGISTRATIONS_PROXY, P.REQUESTS_ENTER, P.WISHES_COLLECT}),
    Role.ORGANISER: _ORGANISER,
    Role.CLERK: _CLERK,
    Role.SECRETARY: _CLERK | {P.CLAIMS_DECIDE, P.FEEDBACKS_ANSWER, P.RECORDS_VOID, P.REQUESTS_ESCALATED, P.REVIEWS_HOLD, P.ROLES_GRANT},
    Role.STREET: frozenset({P.REQUESTS_ESCALATED, P.TALLIES_READ}),
    Role.COUNTY: frozenset(
        {
            P.FEEDBACKS_ANSWER,
            P.FEEDBACKS_OVERSEE,
            P.FIGURES_NAMES,
            P.MERGES_UNDO,
            P.ORGS_MANAGE,
            P.POLICIES_SET,
            P.REQUESTS_ESCALATED,
            P.ROLES_GRANT,
            P.ROSTERS_IMPORT,
            P.TALLIES_READ,
            P.UNITS_MANAGE,
        }
    ),
    Role.UNIT_LIAISON: frozenset({P.REQUESTS_HANDLE, P.UNIT_REGISTRATIONS_SUBMIT, P.UNIT_MEMBERS_READ, P.WISHES_CLAIM}),
    Role.UNIT_BRANCH: frozenset({P.UNIT_MEMBERS_READ}),
    Role.SYSTEM_ADMIN: frozenset({P.JOBS_MANAGE, P.ORGS_MANAGE}),
    Role.SECURITY_ADMIN: frozenset({P.KEYS_ROTATE, P.ROLES_GRANT}),
    Role.AUDITOR: frozenset({P.AUDIT_READ}),
}
# A secretary appoints within her community; only the county (and the security administrator) appoints above it.
MAY_APPOINT: Mapping[Role, frozenset[Role]] = {
    Role.SECRETARY: frozenset({Role.GRID_WORKER, Role.ORGANISER, Role.CLERK, Role.UNIT_LIAISON, Role.UNIT_BRANCH}),
    Role.COUNTY: frozenset(Role) - {Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN, Role.AUDITOR, Role.COUNTY},
    Role.SECURITY_ADMIN: frozenset(Role),
}


@dataclass(frozen=True)
class Grant:
    """A role held on a node of the org tree (path such as `/1/4/9/`) or on a unit."""

    role: Role
    node_path: str | None = None
    unit_id: int | None = None


@dataclass(frozen=True)
class Actor:
    """Who acts: a person in a login session, with what he was granted. The system itself is SYSTEM."""

    person_id: int | None
    session_id: int | None = None
    grants: tuple[Grant, ...] = ()
    channel: str = "app"
    seen_at: datetime | None = None  # when the session of a member of staff was last noted

    @property
    def is_system(self) -> bool:
        """The system acts by itself (a deadline passed); a visitor without login is not the system."""
        return self.channel == "system"

    @property
    def id(self) -> int:
        """The person's id. Raises for SYSTEM, which never does what needs a person."""
        if self.person_id is None:
            raise ValueError("the system is not a person")
        return self.person_id


SYSTEM = Actor(None, channel="system")
VISITOR = Actor(None, channel="public")


def may(actor: Actor, permission: Permission) -> bool:
    """May the actor do this anywhere at all? (What a route asks; the row's scope is asked by the service.)"""
    if actor.is_system:
        return True
    return permission in BASE or any(permission in GRANTS[grant.role] for grant in actor.grants)


def may_on_node(actor: Actor, permission: Permission, path: str) -> bool:
    """May the actor do this to a row that belongs to the node with this path?"""
    if actor.is_system:
        return True
    return any(g.node_path is not None and path.startswith(g.node_path) and permission in GRANTS[g.role] for g in actor.grants)


def may_for_unit(actor: Actor, permission: Permission, unit_id: int) -> bool:
    """May the actor do this for this unit (liaison, branch)?"""
    if actor.is_system:
        return True
    return any(grant.unit_id == unit_id and permission in GRANTS[grant.role] for grant in actor.grants)


def may_appoint(actor: Actor, role: Role, path: str) -> bool:
    """May the actor grant `role` on the node with this path?"""
    if actor.is_system:
        return True
    return any(
        g.node_path is not None and path.startswith(g.node_path) and role in MAY_APPOINT.get(g.role, frozenset()) for g in actor.grants
    )
