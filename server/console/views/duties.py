"""The desks of what is to be decided, kind by kind; 今天 shows all of it in one queue."""

from __future__ import annotations

from collections.abc import Sequence

from server.console.desk import Desk
from server.console.views import bindings, claims, records, registrations, today, unit_registrations

DESKS: Sequence[Desk] = (today.desk, claims.desk, records.desk, registrations.desk, bindings.desk, unit_registrations.desk)
