"""The desks of the residents' loop (menu group 诉求), in the order of its way."""

from __future__ import annotations

from collections.abc import Sequence

from server.console.desk import Desk
from server.console.views import dispatch, handling, intakes, media, requests, triage

DESKS: Sequence[Desk] = (requests.desk, intakes.desk, triage.desk, dispatch.desk, handling.desk, media.desk)
