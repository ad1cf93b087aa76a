"""管理: the desks of those who keep the system, not the work of a community."""

from __future__ import annotations

from collections.abc import Sequence

from server.console.desk import Desk
from server.console.views import audit, jobs, keys, orgs, policies, roles

DESKS: Sequence[Desk] = (orgs.desk, roles.desk, policies.desk, keys.desk, audit.desk, jobs.desk)
