"""The person himself."""

from __future__ import annotations

from miniprogram_api.edge import Call, Resource
from miniprogram_api.schemas import Done
from server.domain.permissions import Permission as P
from server.services import sessions

me = Resource("me", "我的")


@me.delete("/sessions/current", permission=P.ME, answer=Done, keyed=False)
def sign_out(call: Call[None]) -> Done:
    """退出登录：当前令牌立即失效."""
    sessions.revoke(call.session, session_id=call.actor.session_id or 0, now=call.now)
    return Done()
