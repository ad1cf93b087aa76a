"""The phone API, /api/v1: additive only, phones in the field live for weeks (docs/api.md)."""

from __future__ import annotations

from functools import cache
from typing import Any

from flask import Blueprint, Response, jsonify, request

from miniprogram_api import (
    accounts,
    attendance,
    ballot_entries,
    ballots,
    bindings,
    callbacks,
    care_plans,
    checkins,
    claims,
    codes,
    desk_sign_ins,
    dispatch,
    documents,
    double_reports,
    edge,
    feedbacks,
    funnels,
    handling,
    intakes,
    me,
    me_records,
    media,
    mediations,
    notices,
    openapi,
    orgs,
    policies,
    records,
    registrations,
    requests,
    review_slips,
    reviews,
    roles,
    rosters,
    sign_offs,
    staff,
    stations,
    tallies,
    tasks,
    teams,
    transfers,
    triage,
    unit_registrations,
    units,
    wishes,
    workdays,
)
from miniprogram_api.edge import Resource
from server import VERSION
from server.domain.problems import Problem

RESOURCES: tuple[Resource, ...] = (
    me.me,
    notices.notices,
    tallies.tallies,
    accounts.accounts_resource,
    bindings.bindings_resource,
    registrations.registrations_resource,
    transfers.transfers_resource,
    unit_registrations.unit_registrations_resource,
    tasks.tasks,
    claims.claims,
    teams.teams,
    codes.codes_resource,
    checkins.checkins_resource,
    attendance.attendance_resource,
    records.records,
    media.media,
    me_records.me_records_resource,
    double_reports.double_reports_resource,
    documents.documents_resource,
    orgs.orgs_resource,
    units.units_resource,
    rosters.rosters_resource,
    roles.roles_resource,
    staff.staff_resource,
    desk_sign_ins.desk_sign_ins_resource,
    policies.policies_resource,
    workdays.workdays_resource,
    requests.requests_resource,
    intakes.intakes_resource,
    triage.triage_resource,
    sign_offs.sign_offs_resource,
    ballots.ballots_resource,
    ballot_entries.ballot_entries_resource,
    callbacks.callbacks_resource,
    reviews.reviews_resource,
    review_slips.review_slips_resource,
    wishes.wishes_resource,
    feedbacks.feedbacks_resource,
    dispatch.dispatch_resource,
    handling.handling_resource,
    care_plans.care_plans_resource,
    mediations.mediations_resource,
    stations.stations_resource,
    funnels.funnels_resource,
)
OLDEST_CLIENT = (0, 1)
UNLOGGED = ("/api/v1/b", "/api/v1/b/slips", "/api/v1/b/votes")  # no line, no request id: when a ballot came would tell who sent it


def blueprint() -> Blueprint:
    """All routes of the phone API and its document."""
    made = Blueprint("api", __name__)
    for resource in RESOURCES:
        for route in resource.routes:
            edge.mount(made, route)
    made.before_request(_refuse_old_clients)
    return made


def document_blueprint() -> Blueprint:
    """/openapi.json, public; /docs makes a page of it."""
    made = Blueprint("openapi", __name__)
    made.add_url_rule("/openapi.json", "document", lambda: jsonify(document()))
    return made


@cache
def document() -> dict[str, Any]:
    """The OpenAPI document of this version."""
    return openapi.document(RESOURCES, version=VERSION)


def _refuse_old_clients() -> Response | None:
    """A phone says its version as X-Client-Version; one too old to be served is told to update (426)."""
    said = request.headers.get("X-Client-Version", "")
    parts = said[:16].split(".")[:2]
    if said and all(part.isascii() and part.isdigit() for part in parts) and tuple(int(part) for part in parts) < OLDEST_CLIENT:
        raise Problem("CLIENT_TOO_OLD")
    return None
