"""人员: the desks of the registers."""

from __future__ import annotations

from collections.abc import Sequence

from server.console.desk import Desk
from server.console.views import documents, member_changes, members, rosters, teams, units

DESKS: Sequence[Desk] = (members.desk, member_changes.desk, units.desk, teams.desk, documents.desk, rosters.desk)
