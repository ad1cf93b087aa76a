"""管理 · 后台任务: what waits, what gave up and is tried again, the queues, when the periodic work last ran (docs/operations.md)."""

from __future__ import annotations

from typing import Any

from server import defer
from server.console.desk import Answer, Call, Desk
from server.domain.job_words import job_name
from server.domain.permissions import Permission as P
from server.services import outbox

desk = Desk("jobs")
MOST = 100  # of what gave up, on a page
LATE_S = 120  # the scheduler rouses something every fifteen seconds


@desk.page("/jobs", permission=P.JOBS_MANAGE)
def list_jobs(call: Call) -> Answer:
    """The state of all deferred work."""
    given_up = outbox.given_up(call.session, now=call.now)
    runs = defer.last_runs()
    scheduler = runs.pop(defer.SCHEDULER, None) if runs else None
    shown: dict[str, Any] = {
        "state": outbox.state(call.session, now=call.now),
        "given_up": given_up[:MOST],
        "given_up_total": len(given_up),
        "queues": defer.queued(),
        "runs": sorted((runs or {}).items(), key=lambda run: run[1][0], reverse=True),
        "scheduler": scheduler[0] if scheduler else None,
        "late": scheduler is None or (call.now - scheduler[0]).total_seconds() > LATE_S,
    }
    return call.show("console/jobs/list.html", job_name=job_name, **shown)


@desk.action("/jobs/retry", permission=P.JOBS_MANAGE)
def retry_jobs(call: Call) -> Answer:
    """Try one (`id`) or all that gave up again."""
    text = call.typed.get("id", "")
    wanted = [int(text)] if text.isascii() and text.isdecimal() and len(text) < 19 else [] if text else None
    sent = outbox.retry(call.session, now=call.now, ids=wanted)
    return call.done(f"已安排重试 {len(sent)} 项，一分钟内重新开始" if sent else "没有要重试的：可能已经做成或正在做", to="/console/jobs")
