"""docs/permissions.md and docs/errors.md: the permission table and the table of refusals."""

from __future__ import annotations

import miniprogram_api
from miniprogram_api.errors import FIELD_MESSAGES
from server.domain.permissions import BASE, GRANTS, MAY_APPOINT, ROLE_NAMES, Permission, Role
from server.domain.problems import PROBLEMS
from server.statuses import STATUS

PERMISSIONS_HEAD = """# Permissions

Rendered from `server/domain/permissions.py` by `gongjian docs`; do not edit. A role is held on a node of the
org tree and covers that node and all below it, or on a unit. A route whose permission the caller nowhere holds answers
403; a row outside his nodes or units is a 404, so that nobody learns that it exists. What needs more than a role (the
claimer himself, the organiser of this task) is checked in the service.

*everyone* is any signed-in person. System administrator, security administrator and auditor are three people and see no business data.
"""
ERRORS_HEAD = """# Errors

Rendered from `server/domain/problems.py` and `miniprogram_api/errors.py` by `gongjian docs`; do not edit. Every refusal has one shape:

```json
{"error": {"code": "INVALID", "message": "填写的内容有误，请按提示改正",
           "fields": {"phone": "请填写 11 位手机号"}, "request_id": "0a1b2c"}}
```

Programs decide by `code`, which never changes its meaning; people read `message`, one sentence that says what to do next and may be
reworded. `fields` names what to correct, `data` holds what the client may need (the present state, a date). WeChat's own refusals come in
the same shape with the codes of `server/wechat/errcodes.py`.
"""


def permissions_page() -> str:
    """Role × permission, who appoints whom, and which route asks what."""
    roles = list(Role)
    head = [f"| permission | everyone | {' | '.join(ROLE_NAMES[role] for role in roles)} |", f"|---|{':-:|' * (len(roles) + 1)}"]
    grid = [f"| `{p.value}` | {_mark(p in BASE)} | {' | '.join(_mark(p in GRANTS[role]) for role in roles)} |" for p in Permission]
    names = [f"| {ROLE_NAMES[role]} | `{role.value}` | {_appoints(role)} |" for role in roles]
    appoint = ["## Roles, and whom they appoint", "", "| 角色 | role | appoints, on its own nodes |", "|---|---|---|", *names]
    return "\n".join([PERMISSIONS_HEAD, "## Grid", "", *head, *grid, "", *appoint, "", *_routes()]) + "\n"


def _mark(holds: bool) -> str:
    return "✓" if holds else ""


def _appoints(role: Role) -> str:
    return "、".join(ROLE_NAMES[other] for other in Role if other in MAY_APPOINT.get(role, frozenset()))


def _routes() -> list[str]:
    routes = sorted((route.rule, route.method, route.permission) for resource in miniprogram_api.RESOURCES for route in resource.routes)
    rows = [
        f"| {method} | `/api/v1{rule}` | {f'`{permission.value}`' if permission else 'public'} |" for rule, method, permission in routes
    ]
    return ["## Routes of the phone API", "", "| method | route | permission |", "|---|---|---|", *rows]


def errors_page() -> str:
    """Code, status, sentence; then the sentences of single fields."""
    rows = [f"| `{code}` | {STATUS[kind]} | {message} |" for code, (kind, message) in sorted(PROBLEMS.items())]
    fields = [f"| `{kind}` | {sentence} |" for kind, sentence in sorted(FIELD_MESSAGES.items())]
    return "\n".join(
        [
            ERRORS_HEAD,
            "## Codes",
            "",
            "| code | status | message |",
            "|---|--:|---|",
            *rows,
            "",
            "## Sentences of single fields",
            "",
            "Any other finding of the validator reads 填写有误，请改正.",
            "",
            "| finding | message |",
            "|---|---|",
            *fields,
            "",
        ]
    )
