"""人员: the desks of the registers."""

from __future__ import annotations

from collections.abc import Sequence

from server.console.desk import Desk
from server.console.views import member_changes, members, rosters

DESKS: Sequence[Desk] = (members.desk, member_changes.desk, rosters.desk)
