"""管理 · 密钥轮换: the rings without their secrets, the steps of a rotation, and watching the long one (mission row G7)."""

from __future__ import annotations

from typing import Any

from server.console.desk import Answer, Call, Desk, away
from server.domain.operations import OPERATION_NAMES, OperationKind
from server.domain.permissions import Permission as P
from server.domain.problems import Problem
from server.services import code_lists, key_rotations, operations, people
from server.services.key_rotations import Ring

desk = Desk("keys")
LATELY = 20
REPRINTS = 200  # posters named on a page
RINGS = {
    "qr": ("二维码", "海报、证明和签到码上的防伪"),
    "fields": ("内容加密", "姓名、手机号、诉求文字等加密保存的内容"),
    "lookup": ("查找", "凭姓名和手机号找到人"),
}
STATES = {"sign": ("正在用", "good"), "verify": ("只核验", "wait"), "retired": ("已停用", "plain")}
NAMES: dict[str, Any] = {"ring_names": RINGS, "key_states": STATES, "operation_names": OPERATION_NAMES}


@desk.page("/keys", permission=P.KEYS_ROTATE)
def list_keys(call: Call) -> Answer:
    """Each ring with its keys and the next step; what was done lately."""
    rings = key_rotations.rings()
    ready = {ring.name: key_rotations.ready_at(call.session, ring) for ring in rings if ring.waiting is not None}
    history = operations.newest(call.session, key_rotations.KINDS, limit=LATELY)
    lines = [(row, people.name_of(person)) for row, person in history]
    running = operations.running(call.session, OperationKind.KEYS_RESEAL)
    return call.show("console/keys/list.html", rings=rings, ready=ready, lines=lines, running=running, **NAMES)


@desk.action("/keys/<ring>/add", permission=P.KEYS_ROTATE)
def add_key(call: Call, ring: str) -> Answer:
    """First step."""
    key_rotations.add(call.session, key_rotations.ring_of(ring), actor=call.actor, now=call.now)
    return call.done("新密钥已添加，一分钟后可以启用", to="/console/keys")


@desk.action("/keys/<ring>/<kid>/promote", permission=P.KEYS_ROTATE)
def promote_key(call: Call, ring: str, kid: str) -> Answer:
    """Second step."""
    key_rotations.promote(call.session, key_rotations.ring_of(ring), kid=_kid(kid), actor=call.actor, now=call.now)
    return call.done("新密钥已启用，旧的改为只核验", to="/console/keys")


@desk.action("/keys/reseal", permission=P.KEYS_ROTATE)
def reseal(call: Call) -> Answer:
    """Third step for the fields."""
    started = key_rotations.reseal(call.session, actor=call.actor, now=call.now)
    return away(f"/console/keys/reseals/{started.public_id}")  # which says how far it is, and nothing that outlives it


@desk.page("/keys/reseals/<id>", permission=P.KEYS_ROTATE)
def show_reseal(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """How far it is."""
    row = operations.by_public_id(call.session, id, OperationKind.KEYS_RESEAL)
    return call.show("console/keys/reseal.html", row=row)


@desk.page("/keys/reseals/<id>/progress", permission=P.KEYS_ROTATE)
def show_reseal_progress(call: Call, id: str) -> Answer:  # noqa: A002
    """The same without the frame, for a page that looks again by itself."""
    row = operations.by_public_id(call.session, id, OperationKind.KEYS_RESEAL)
    return call.part("console/keys/progress.html", row=row)


@desk.form("/keys/<ring>/<kid>/retire", permission=P.KEYS_ROTATE)
def retire_key(call: Call, ring: str, kid: str) -> Answer:
    """Last step: what it costs is said first."""
    found, number = key_rotations.ring_of(ring), _kid(kid)
    if call.posted:
        key_rotations.retire(call.session, found, kid=number, actor=call.actor, now=call.now)
        return call.done(f"{number} 号密钥已停用", to="/console/keys")
    posters = code_lists.printed(call.session) if found.name == "qr" else []
    return call.show("console/keys/retire.html", kid=number, **_reprints(posters), **_about(found))


def _reprints(posters: list[tuple[str, str, str, str]]) -> dict[str, Any]:
    return {"posters": posters[:REPRINTS], "posters_total": len(posters)}


def _about(ring: Ring) -> dict[str, Any]:
    return {"ring": ring, **NAMES}


def _kid(text: str) -> int:
    if not text.isdecimal():
        raise Problem("NOT_FOUND")
    return int(text)
