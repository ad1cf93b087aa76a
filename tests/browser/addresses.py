"""The pages that tests/browser/test_axe.py looks at in every look and at both sizes: a line per page; `World` says what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from server.db.models.people import Person
from tests.factories.people import Tree


@dataclass(frozen=True)
class World:
    """What the pages are about; `who` opens them. Subjects put their public ids into `ids` (tests/browser/worlds.py)."""

    tree: Tree
    who: Person
    now: datetime
    ids: dict[str, str]


# (name of the page, its address). Addresses may need ids: a function of the world.
ADDRESSES: Sequence[tuple[str, str | Callable[[World], str]]] = (
    ("sign-in", "/console/sign-in"),
    ("today", "/console"),
    ("account", "/console/account"),
    # 人员
    ("members", "/console/members"),
    ("members-none", "/console/members?q=无人"),
    ("member-new", "/console/members/new"),
    ("member", lambda world: f"/console/members/{world.ids['member']}"),
    *(
        (f"member-{page}", lambda world, page=page: f"/console/members/{world.ids['member']}/{page}")
        for page in ("reports", "phone", "transfer", "end", "certificate", "attendance")
    ),
    ("units", "/console/units"),
    ("unit-new", "/console/units/new"),
    ("unit", lambda world: f"/console/units/{world.ids['unit']}"),
    ("unit-contact", lambda world: f"/console/units/{world.ids['unit']}/contact"),
    ("teams", "/console/teams"),
    ("team-new", "/console/teams/new"),
    ("team", lambda world: f"/console/teams/{world.ids['team']}"),
    ("documents", "/console/documents"),
    ("document", lambda world: f"/console/documents/{world.ids['document']}"),
    ("document-revoke", lambda world: f"/console/documents/{world.ids['document']}/revoke"),
    ("rosters", "/console/rosters"),
    ("roster-new", "/console/rosters/new"),
    ("roster-errors", lambda world: f"/console/rosters/{world.ids['draft']}"),
    ("roster-importing", lambda world: f"/console/rosters/{world.ids['importing']}"),
    ("roster-imported", lambda world: f"/console/rosters/imports/{world.ids['imported']}"),
    # 活动
    ("tasks", "/console/tasks"),
    ("tasks-month", "/console/tasks/month"),
    ("task-new", "/console/tasks/new"),
    *(
        (f"task-{page}", lambda world, page=page: f"/console/tasks/{world.ids['task']}{page}")
        for page in ("", "/edit", "/attendance", "/paper")
    ),
    ("task-stand-in", lambda world: f"/console/tasks/{world.ids['task']}/claims/{world.ids['task_claim']}/stand-in"),
    ("task-draft", lambda world: f"/console/tasks/{world.ids['task_draft']}"),
    ("post", lambda world: f"/console/tasks/{world.ids['post']}"),
    ("post-shift", lambda world: f"/console/tasks/{world.ids['post']}/shifts"),
    ("codes", "/console/codes"),
    ("code", lambda world: f"/console/codes/{world.ids['task_code']}"),
    ("code-turning", lambda world: f"/console/codes/{world.ids['turning']}"),
    ("codes-print", lambda world: f"/console/codes/prints/{world.ids['poster']}"),
    ("halls", "/console/halls"),
    # 今天
    ("today-claims", "/console?tab=claims"),
    ("notices", "/console/notices"),
    *((f"{page}-to-decide", f"/console/{page}") for page in ("claims", "records", "registrations", "transfers", "bindings")),
    ("unit-registrations-to-decide", "/console/unit-registrations"),
    ("claim-to-decide", lambda world: f"/console/claims/{world.ids['duty_claim']}"),
    ("record-to-decide", lambda world: f"/console/records/{world.ids['duty_record']}"),
    ("registration-to-decide", lambda world: f"/console/registrations/{world.ids['duty_registration']}"),
    ("transfer-to-decide", lambda world: f"/console/transfers/{world.ids['duty_transfer']}"),
    ("binding-to-decide", lambda world: f"/console/bindings/{world.ids['duty_binding']}"),
    ("merges", "/console/merges"),
    ("merge-undo", lambda world: f"/console/merges/{world.ids['merge']}/undo"),
    ("unit-registration-to-decide", lambda world: f"/console/unit-registrations/{world.ids['duty_unit_registration']}"),
    ("unit-registration-to-end", lambda world: f"/console/unit-registrations/{world.ids['duty_unit_registration']}/end"),
    # 诉求
    ("requests", "/console/requests"),
    ("requests-triage", "/console/requests?state=submitted"),
    ("requests-none", "/console/requests?number=99999"),
    ("requests-places", "/console/requests/places"),
    ("requests-escalated", "/console/requests/escalated"),
    ("requests-mine", "/console/requests/mine"),
    ("request-claims", "/console/request-claims"),
    ("intake", "/console/intake"),
    ("intake-round", "/console/intake/round"),
    ("intake-upload", "/console/intake/upload"),
    *(
        (f"request-{page or 'new'}", lambda world, page=page: f"/console/requests/{world.ids['request']}/{page}".rstrip("/"))
        for page in ("", "triage", "merge", "split", "reject", "transcript", "supplement", "escalate", "station", "care", "mediation")
    ),
    *(
        (f"request-{page}", lambda world, page=page: f"/console/requests/{world.ids['request_triaged']}/{page}")
        for page in ("dispatch", "whistle")
    ),
    ("request-open", lambda world: f"/console/requests/{world.ids['request_open']}"),
    *(
        (f"request-mine-{page}", lambda world, page=page: f"/console/requests/{world.ids['request_mine']}/{page}".rstrip("/"))
        for page in ("", "pause", "visit", "finish", "extension/decide", "readings")
    ),
    *(
        (f"request-up-{page}", lambda world, page=page: f"/console/requests/{world.ids['request_up']}/{page}".rstrip("/"))
        for page in ("", "hand-down", "explain")
    ),
    ("request-callback", lambda world: f"/console/requests/{world.ids['request_due']}/callback"),
    ("callbacks", "/console/callbacks"),
    ("content-checks", "/console/content-checks"),
    ("content-check", lambda world: f"/console/content-checks/{world.ids['request_check']}"),
    ("content-comments", "/console/content-checks/comments"),
    ("wishes", "/console/wishes"),
    ("wish-new", "/console/wishes/new"),
    ("wish", lambda world: f"/console/wishes/{world.ids['wish']}"),
    ("wish-verify", lambda world: f"/console/wishes/{world.ids['wish_new']}/verify"),
    ("wish-publish", lambda world: f"/console/wishes/{world.ids['wish_verified']}/publish"),
    ("wish-confirm", lambda world: f"/console/wishes/{world.ids['wish_done']}/confirm"),
    ("feedbacks", "/console/feedbacks"),
    ("feedbacks-entered", "/console/feedbacks/entered"),
    ("feedback-new", "/console/feedbacks/new"),
    ("feedback", lambda world: f"/console/feedbacks/{world.ids['feedback']}"),
    ("feedback-answer", lambda world: f"/console/feedbacks/{world.ids['feedback']}/answer"),
    ("feedback-entered", lambda world: f"/console/feedbacks/{world.ids['feedback_entered']}"),
    ("reviews", "/console/reviews"),
    ("review-new", "/console/reviews/new"),
    *(
        (f"review-{page}", lambda world, page=page: f"/console/reviews/{world.ids['panel']}/{page}")
        for page in ("choose", "volunteers", "call-off")
    ),
    ("review", lambda world: f"/console/reviews/{world.ids['panel']}"),
    ("review-slips", lambda world: f"/console/reviews/{world.ids['panel_voting']}/slips"),
    ("review-box", lambda world: f"/console/reviews/{world.ids['panel_voting']}/slips/box"),
    ("review-voting", lambda world: f"/console/reviews/{world.ids['panel_voting']}"),
    ("ratings", "/console/ratings"),
    ("ratings-slips", "/console/ratings/slips"),
    ("care", "/console/care"),
    ("care-new", "/console/care/new"),
    ("care-plan", lambda world: f"/console/care/{world.ids['care']}"),
    ("care-hand-over", lambda world: f"/console/care/{world.ids['care']}/hand-over"),
    ("mediations", "/console/mediations"),
    ("mediation", lambda world: f"/console/mediations/{world.ids['mediation']}"),
    ("mediation-close", lambda world: f"/console/mediations/{world.ids['mediation']}/close"),
    ("stations", "/console/stations"),
    ("station-new", "/console/stations/new"),
    ("station", lambda world: f"/console/stations/{world.ids['station']}"),
    ("station-close", lambda world: f"/console/stations/{world.ids['station']}/close"),
    ("figures", "/console/figures"),
    ("figures-month", "/console/figures?period=month"),
    ("figures-units", lambda world: f"/console/figures/units?at={world.tree.community.public_id}"),
    ("figures-names", lambda world: f"/console/figures/names?key=service_heads&at={world.tree.community.public_id}"),
    ("exports", "/console/exports"),
    ("export", lambda world: f"/console/exports/{world.ids['export']}"),
    ("funnel", "/console/funnel"),
    ("funnel-bucket", "/console/funnel/to_triage"),
    # without sign-in
    *((f"public{path.replace('/', '-')}", path) for path in ("/about", "/privacy", "/verify", "/vote", "/board")),
    *(
        (f"public{path.replace('/', '-')}-large", f"{path}?print=large&theme=dark")
        for path in ("/about", "/privacy", "/verify", "/vote", "/board")
    ),
    ("public-board-of", lambda world: f"/board/{world.tree.community.public_id}"),
    ("public-board-of-large", lambda world: f"/board/{world.tree.community.public_id}?print=large&theme=dark"),
    ("roles", "/console/roles"),
    ("role-new", "/console/roles/new"),
)
