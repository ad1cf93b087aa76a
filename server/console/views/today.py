"""今天: everything that waits for this person's decision, in one queue."""

from __future__ import annotations

from server.console.desk import Answer, Call, Desk
from server.domain.permissions import Permission as P

desk = Desk("today")


@desk.page("", permission=P.ME)
def home(call: Call) -> Answer:
    """The desk as one finds it in the morning."""
    return call.show("console/today/home.html")
