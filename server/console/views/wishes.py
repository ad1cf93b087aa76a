"""微心愿: collected at the door, verified by a visit, published under an alias, followed until it is confirmed, the next round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from wtforms.validators import ValidationError

from server.console import places, request_pages
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet, blame, choice, day, text, words
from server.console.intake_places import spots, where
from server.console.person_fields import consent, mobile_of, person_name, person_phone
from server.db.models.platform import Undo
from server.db.models.wishes import Wish
from server.domain import roster_cells as cells
from server.domain.days import local_day, period_end, period_start
from server.domain.money import fen, yuan
from server.domain.people import ConsentChannel
from server.domain.permissions import Permission as P
from server.domain.permissions import may_on_node
from server.domain.wishes import WISH_GROUP_NAMES, WISH_PROOF_NAMES, WISH_STATE_NAMES, WishGroup, WishProof, WishState, Words
from server.services import places as nodes
from server.services import scopes, wish_claims, wish_lists, wishes
from server.services.wishes import Collected, Wisher

desk = Desk("wishes")
S = WishState
MOST_FEN = 1_000_000
NEXT = {
    S.COLLECTED: "请走访核实，写下看到的情况",
    S.VERIFIED: "请定好公布的文字：用化名，不写姓名、电话、证件号和门牌号",
    S.PUBLISHED: "等人认领；没人认领的，开始新一轮时排在前面",
    S.CLAIMED: "等认领人联系；到期没联系会自动放回",
    S.CONTACTED: "等认领人办好",
    S.FULFILLED: "请回访或拿到签字单后确认；本人也可以在小程序确认",
    S.CONFIRMED: "已经实现，不用再办",
    S.WITHDRAWN: "已撤回，不用再办",
}
TONES = {S.CONFIRMED: "good", S.WITHDRAWN: "bad", S.CLAIMED: "wait", S.CONTACTED: "wait", S.FULFILLED: "wait"}
PROOFS = [(one.value, WISH_PROOF_NAMES[one]) for one in (WishProof.CALLBACK, WishProof.SLIP)]

MOVES: dict[str, tuple[Callable[..., Wish], str]] = {
    "claim": (wish_claims.claim, "由您来办，请先联系心愿人"),
    "contacted": (wish_claims.mark_contacted, "已记下联系上了"),
    "fulfilled": (wish_claims.fulfil, "已记下办好了，请确认"),
    "release": (wish_claims.release, "已放回，等人认领"),
}


def is_money(_form: Any, field: Any) -> None:
    """Yuan with at most two decimals, up to 10 000."""
    amount = fen(field.data or "")
    if amount is None or amount > MOST_FEN:
        raise ValidationError("请填 0 到 10000 之间的金额，最多两位小数")


class WordsSheet(Sheet):
    """What is published; money is typed in yuan and kept in 分."""

    alias = words("化名", longest=100, hint="如“银杏奶奶”")
    content = text("心愿", longest=200, rows=3, hint="一件具体的东西或一件事，不要现金")
    value = words(
        "估价（元）", longest=10, hint="如 120 或 99.5", also=[is_money], render_kw={"inputmode": "decimal", "autocomplete": "off"}
    )


class CollectSheet(WordsSheet):
    """What was noted at the door."""

    name = person_name("谁的心愿（姓名）")
    phone = person_phone("他的手机号")
    group = choice("属于哪一类", [(one.value, name) for one, name in WISH_GROUP_NAMES.items()])
    guardian_name = person_name("监护人姓名（孩子的心愿必填）", required=False)
    guardian_phone = person_phone("监护人手机号")
    consent = consent()
    grid = choice("住在哪里", required=False)


class VisitSheet(Sheet):
    """What the visit found."""

    visited_on = day("走访日期")
    note = text("看到的情况（只有本社区工作人员能看）", longest=200, rows=3)


class ConfirmSheet(Sheet):
    """How we know."""

    via = choice("凭什么确认", PROOFS, radio=True)


class ReasonSheet(Sheet):
    """Why."""

    reason = text("原因（不写个人信息）", longest=200, rows=3)


@desk.page("/wishes", permission=P.WISHES_MANAGE)
def list_wishes(call: Call) -> Answer:
    """本社区的微心愿，按状态."""
    here, said = places.chosen(call, P.WISHES_MANAGE), call.args.get("state", "")
    state = S(said) if said in set(S) else None
    after = call.args.get("after") or None
    rows, following = wish_lists.of_community(
        call.session, community=here.here, state=state, actor=call.actor, after=after, limit=request_pages.LINES
    )
    begin = period_start("year", local_day(call.now))
    figures = wish_lists.figures(call.session, node=here.here, first=begin, before=period_end("year", begin), actor=call.actor)
    more = f"?{urlencode({'at': here.here.public_id, 'state': said, 'after': following})}" if following else ""
    return call.show(
        "console/wishes/list.html", places=here, rows=rows, more=more, chosen=said, states=WISH_STATE_NAMES, groups=WISH_GROUP_NAMES,
        tones=TONES, figures=figures, year=begin.year,
    )  # fmt: skip


@desk.form("/wishes/new", permission=P.WISHES_COLLECT)
def collect(call: Call) -> Answer:
    """征集一个微心愿."""
    here, below = where(call, call.session, P.WISHES_COLLECT)
    sheet = CollectSheet(call.typed)
    sheet.grid.choices = spots(call, P.WISHES_COLLECT, here.here, below)
    if call.posted and sheet.validate():
        wish = wishes.collect(call.session, community=here.here, noted=_noted(call, sheet), actor=call.actor, now=call.now)
        staff = may_on_node(call.actor, P.WISHES_MANAGE, here.here.path)
        return call.done(f"已记下，编号 {wish.number}", to=_address(wish) if staff else "/console/wishes/new")
    _blame(call, sheet)
    return call.show("console/wishes/new.html", 422 if call.posted else 200, places=here, sheet=sheet)


@desk.action("/wishes/round", permission=P.WISHES_MANAGE)
def begin_round(call: Call) -> Answer:
    """开始新一轮：还没人认领的排到前面."""
    here = places.chosen(call, P.WISHES_MANAGE).here
    waiting = wishes.next_round(call.session, community=here, actor=call.actor, now=call.now)
    return call.done(f"新一轮开始了，{waiting} 个没人认领的排在前面", to=f"/console/wishes?at={here.public_id}")


@desk.page("/wishes/<id>", permission=P.WISHES_MANAGE)
def show_wish(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """一个微心愿：到哪一步，接着做什么."""
    wish = _in_reach(call, id)
    unit = nodes.units(call.session, [wish.claimant_unit_id]).get(wish.claimant_unit_id or 0, "")
    hands = {"mine": wish_claims.of_claimant(wish, call.actor), "his": wishes.of_wisher(wish, call.actor)}
    return call.show("console/wishes/one.html", **_about(wish), **hands, unit=unit, note=wishes.visit_note_of(call.session, wish))


@desk.form("/wishes/<id>/verify", permission=P.WISHES_MANAGE)
def verify(call: Call, id: str) -> Answer:  # noqa: A002
    """走访核实."""
    sheet = VisitSheet(call.typed, data={"visited_on": local_day(call.now)})

    def act(wish: Wish) -> Undo:
        return call.step(wish, wishes.verify, visited_on=sheet.visited_on.data, note=sheet.note.data)

    return _step(call, id, sheet, title="走访核实", act=act, said="已核实，请定公布的文字")


@desk.form("/wishes/<id>/publish", permission=P.WISHES_MANAGE)
def publish(call: Call, id: str) -> Answer:  # noqa: A002
    """用化名公布，文字由工作人员定."""
    wish = _in_reach(call, id)
    sheet = WordsSheet(call.typed, data={"alias": wish.alias, "content": wish.content, "value": yuan(wish.value_fen)})

    def act(found: Wish) -> Undo:
        return call.step(found, wishes.publish, words=_words(sheet))

    return _step(call, id, sheet, title="用化名公布", act=act, said="已公布，等人认领")


@desk.form("/wishes/<id>/confirm", permission=P.WISHES_MANAGE)
def confirm(call: Call, id: str) -> Answer:  # noqa: A002
    """凭回访或签字单确认实现."""
    sheet = ConfirmSheet(call.typed)

    def act(wish: Wish) -> Undo:
        return call.step(wish, wish_claims.confirm, via=WishProof(sheet.via.data))

    return _step(call, id, sheet, title="确认实现", act=act, said="已确认实现")


@desk.form("/wishes/<id>/withdraw", permission=P.WISHES_MANAGE)
def withdraw(call: Call, id: str) -> Answer:  # noqa: A002
    """撤回，写明原因."""
    sheet = ReasonSheet(call.typed)

    def act(wish: Wish) -> Undo:
        return call.step(wish, wishes.withdraw, reason=sheet.reason.data)

    return _step(call, id, sheet, title="撤回心愿", act=act, said="已撤回")


@desk.action("/wishes/<id>/contact", permission=P.WISHES_MANAGE)
def contact(call: Call, id: str) -> Answer:  # noqa: A002
    """认领人是自己：看心愿人的联系方式；每次查看都有记录."""
    wish = _in_reach(call, id)
    found = wish_claims.contact_of(call.session, wish, actor=call.actor, now=call.now)
    return call.show("console/wishes/contact.html", found=found, number=wish.number, back=_address(wish))


@desk.action("/wishes/<id>/<move>", permission=P.WISHES_MANAGE)
def move_on(call: Call, id: str, move: str) -> Answer:  # noqa: A002
    """自己认领，或替没有手机的认领人记下：联系上了、办好了、放回."""
    wish = _in_reach(call, id)
    if move not in MOVES:
        return call.done("没有这一步", to=_address(wish))
    service, said = MOVES[move]
    return call.done(said, to=_address(wish), undo=call.step(wish, service))


def _in_reach(call: Call, public_id: str) -> Wish:
    wish = wishes.by_public_id(call.session, public_id)
    scopes.require(call.session, call.actor, P.WISHES_MANAGE, wish.community_id)
    return wish


def _step(call: Call, public_id: str, sheet: Sheet, *, title: str, act: Callable[[Wish], Undo], said: str) -> Answer:
    wish = _in_reach(call, public_id)
    if call.posted and sheet.validate():
        return call.done(said, to=_address(wish), undo=act(wish))
    _blame(call, sheet)
    return call.show("console/wishes/step.html", 422 if call.posted else 200, sheet=sheet, title=title, **_about(wish))


def _about(wish: Wish) -> dict[str, Any]:
    return {
        "wish": wish,
        "next": NEXT[wish.state],
        "state": WISH_STATE_NAMES[wish.state],
        "tone": TONES.get(wish.state, "plain"),
        "group": WISH_GROUP_NAMES[wish.group],
        "proof": WISH_PROOF_NAMES[wish.confirmed_via] if wish.confirmed_via is not None else "",
    }


def _address(wish: Wish) -> str:
    return f"/console/wishes/{wish.public_id}"


def _words(sheet: WordsSheet) -> Words:
    return Words(sheet.alias.data, sheet.content.data, fen(sheet.value.data) or 0)


def _noted(call: Call, sheet: CollectSheet) -> Collected:
    guardian = (
        Wisher(cells.name(sheet.guardian_name.data) or "", mobile_of(sheet.guardian_phone.data)) if sheet.guardian_name.data else None
    )
    return Collected(
        Wisher(cells.name(sheet.name.data) or "", mobile_of(sheet.phone.data)),
        WishGroup(sheet.group.data),
        _words(sheet),
        ConsentChannel(sheet.consent.data),
        guardian,
        nodes.node(call.session, sheet.grid.data) if sheet.grid.data else None,
    )


def _blame(call: Call, sheet: Sheet) -> None:
    """The services name fields as the phone does."""
    blame(sheet, call.problem)
    for told, mine in (("value_fen", "value"), ("guardian", "guardian_name")):
        if call.problem is not None and told in call.problem.fields and mine in sheet:
            sheet[mine].errors = [call.problem.fields[told]]
