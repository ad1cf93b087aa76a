"""二维码：社区和任务的码、个人码、海报、大屏."""

from __future__ import annotations

from flask import Response, current_app
from pydantic import Field

from miniprogram_api import incoming
from miniprogram_api.checkins import CODES, keep_refusal
from miniprogram_api.edge import Call, Resource, raw
from miniprogram_api.schemas import Done, Id, In, Instant, Out, Page, PageQuery, Reason, Token
from qr.tokens import Mode
from server import files
from server.db.models.codes import Code, PosterPrint
from server.domain.permissions import Permission as P
from server.domain.posters import KIND_NAMES, PosterForm, PosterStyle, PrintState
from server.domain.problems import Problem
from server.services import code_lists, codes, people, places, posters, previews, screens

codes_resource = Resource("codes", "二维码、海报与大屏")
READ_CODES = tuple(code for code in CODES if code != "QR_WRONG_KIND")


class CodesQuery(PageQuery):
    community: Id = Field(description="社区编号")


class CodeOut(Out):
    """一个码；静态码带内容和链接，动态码只在大屏上展示."""

    id: str
    kind: int = Field(description="1 社区 2 任务 3 活动 5 个人 9 证明")
    kind_text: str
    label: str
    rotating: bool
    epoch: int = Field(description="作废过几次")
    token: str | None = Field(description="静态码的 32 位内容；动态码为 null")
    link: str | None = Field(description="二维码里的链接；动态码为 null")
    task: str | None = Field(None, description="任务编号")


class RevokeCodeIn(In):
    reason: Reason = Field(description="作废的原因", examples=["海报被撕走"])


class ReadQuery(In):
    tok: Token = Field(description="扫到的内容原样", examples=["40GG0000002D4000000E657HB44X51QB"])


class PreviewOut(Out):
    """这是什么码，扫了以后该做什么；电脑登录的码用 POST /desk-sign-ins."""

    kind: int = Field(description="1 社区：去报到；2、3 任务和活动：去签到；5 个人码：组织者登记到场；9 证明：核验；11 电脑登录")
    kind_text: str
    title: str
    task: str | None
    community: str | None
    starts_at: Instant | None
    ends_at: Instant | None


class SlotOut(Out):
    at: Instant = Field(description="从什么时候起有效")
    token: str
    link: str


class PersonalOut(Out):
    """个人码：手机上每 300 秒一换，预取 24 小时，没有网络也能出示；card 是印成卡片的静态码."""

    code: str
    step: int = Field(description="每个码有效的秒数", examples=[300])
    slots: list[SlotOut]
    card: str = Field(description="印成卡片的静态码内容")


class ScreenIn(In):
    code: Id = Field(description="动态码的编号")


class ScreenOut(Out):
    id: str
    token: str = Field(description="大屏的令牌，只给这一次；用 Authorization: Bearer 取码")
    expires_at: Instant


class SlotsOut(Out):
    """大屏接下来要显示的码，最多 20 个."""

    title: str
    step: int = Field(description="每个码显示的秒数", examples=[30])
    now: Instant = Field(description="服务器时间，按它切换")
    slots: list[SlotOut]
    present: int = Field(description="现在在场人数")
    came: int = Field(description="到过的人数")


class PrintIn(In):
    format: PosterForm = Field(PosterForm.PDF_A4, description="pdf_a4 或 pdf_a3")
    style: PosterStyle = Field(PosterStyle.LINK, description="link 普通二维码，wxa 小程序码")


class CardIn(In):
    format: PosterForm = Field(PosterForm.PDF_A4, description="pdf_a4、pdf_a3 或图片")


class PosterQuery(In):
    format: PosterForm = Field(PosterForm.PNG_PHONE, description="png_phone 手机图，png_a4，pdf_a4，pdf_a3")
    style: PosterStyle = Field(PosterStyle.LINK, description="link 普通二维码，wxa 小程序码")


class PrintOut(Out):
    """一次打印的进度."""

    id: str
    state: PrintState = Field(description="waiting 在印，done 已印好，failed 没有印成")
    done: int
    total: int
    format: PosterForm


@codes_resource.get(
    "/codes",
    permission=P.CODES_MANAGE,
    query=CodesQuery,
    answer=Page[CodeOut],
    transaction="write",
    keyed=False,
    problems=("NOT_COMMUNITY",),
)
def list_codes(call: Call[None]) -> Page[CodeOut]:
    """社区的码：社区报到码和已发布任务的码；社区码第一次要时自动生成."""
    community = places.community(call.session, call.query.community, now=call.now)
    rows, following = code_lists.of_community(
        call.session, community, actor=call.actor, now=call.now, after=call.query.after, limit=call.query.limit
    )
    return Page[CodeOut](items=[_code(call, code, task) for code, task in rows], next=following)


@codes_resource.get("/tasks/<id>/code", permission=P.TASKS_ORGANISE, answer=CodeOut)
def task_code(call: Call[None], id: str) -> CodeOut:  # noqa: A002 - the URL's word
    """一项已发布任务的码（本任务组织者或有权限的人）."""
    code, task = code_lists.of_task(call.session, id, actor=call.actor)
    return _code(call, code, task)


@codes_resource.get("/codes/read", permission=P.ME, query=ReadQuery, answer=PreviewOut, problems=READ_CODES, refused=keep_refusal)
def read_code(call: Call[None]) -> PreviewOut:
    """扫到的是什么码：标题和下一步，不含个人信息."""
    seen = previews.preview(call.session, call.query.tok, actor=call.actor, now=call.now)
    return PreviewOut(
        kind=int(seen.kind),
        kind_text=seen.kind_name,
        title=seen.title,
        task=seen.task,
        community=seen.community,
        starts_at=seen.starts_at,
        ends_at=seen.ends_at,
    )


@codes_resource.post(
    "/codes/<id>/revoke", permission=P.TASKS_ORGANISE, body=RevokeCodeIn, answer=CodeOut, problems=("NOTE_REQUIRED", "STALE")
)
def revoke_code(call: Call[RevokeCodeIn], id: str) -> CodeOut:  # noqa: A002
    """作废一个码：印好的立即失效，换新码（有权限的人；个人码由本人）."""
    code = codes.by_public_id(call.session, id)
    posters.require(call.session, code, call.actor)
    holds = codes.revoke(call.session, code, reason=call.body.reason, actor=call.actor, now=call.now)
    return _code(call, holds, None)


@codes_resource.get("/me/codes", permission=P.ME, answer=PersonalOut, transaction="write", keyed=False)
def my_codes(call: Call[None]) -> PersonalOut:
    """我的个人码，预取 24 小时."""
    code = codes.of_person(call.session, person_id=call.actor.id, now=call.now)
    slots = codes.slots_ahead(code, now=call.now, count=codes.PREFETCHED)
    return PersonalOut(code=code.public_id, step=codes.step_of(code), slots=_slots(slots), card=codes.card_of(code))


@codes_resource.post(
    "/screens", permission=P.TASKS_ORGANISE, body=ScreenIn, answer=ScreenOut, status=201, problems=("NOT_FOUND", "SCREEN_STATIC")
)
def open_screen(call: Call[ScreenIn]) -> ScreenOut:
    """打开一块大屏，展示动态码；十二小时后自动结束."""
    code = codes.by_public_id(call.session, call.body.code)
    screen, token = screens.open_screen(call.session, code, actor=call.actor, now=call.now)
    return ScreenOut(id=screen.public_id, token=token, expires_at=screen.expires_at)


@codes_resource.get("/screens/slots", public=True, answer=SlotsOut, problems=("SCREEN_ENDED",))
def screen_slots(call: Call[None]) -> SlotsOut:
    """大屏取接下来的码；用大屏自己的令牌，不用登录."""
    shown = screens.slots(call.session, token=incoming.bearer_token(), now=call.now)
    return SlotsOut(
        title=shown.code.label, step=shown.step, now=call.now, slots=_slots(shown.slots), present=shown.present, came=shown.came
    )


@codes_resource.delete("/screens/<id>", permission=P.TASKS_ORGANISE, answer=Done, keyed=False)
def end_screen(call: Call[None], id: str) -> Done:  # noqa: A002
    """结束一块大屏，它不能再取码."""
    screens.end(call.session, id, actor=call.actor, now=call.now)
    return Done()


@codes_resource.get(
    "/codes/<id>/poster",
    permission=P.TASKS_ORGANISE,
    query=PosterQuery,
    transaction="write",
    keyed=False,
    media=("image/png", "application/pdf"),
    later=PrintOut,
    problems=("POSTER_FAILED", "POSTER_ROTATING"),
)
def poster(call: Call[None], id: str) -> Response | PrintOut:  # noqa: A002
    """一个码的海报：印好了就是文件，还在印是 202 和进度（隔两秒再取）."""
    row = posters.of_code(
        call.session,
        codes.by_public_id(call.session, id),
        form=call.query.format,
        style=call.query.style,
        actor=call.actor,
        now=call.now,
    )
    return _file(row)


@codes_resource.post(
    "/communities/<id>/posters", permission=P.CODES_MANAGE, body=PrintIn, answer=PrintOut, status=202, problems=("NOT_COMMUNITY",)
)
def print_posters(call: Call[PrintIn], id: str) -> PrintOut:  # noqa: A002
    """打印整个社区的海报：社区码和所有已发布任务的静态码，一个 PDF."""
    community = places.community(call.session, id, now=call.now)
    row = posters.of_community(call.session, community, form=call.body.format, style=call.body.style, actor=call.actor, now=call.now)
    return _print(row)


@codes_resource.post("/communities/<id>/members/<person>/card", permission=P.CODES_MANAGE, body=CardIn, answer=PrintOut, status=202)
def print_card(call: Call[CardIn], id: str, person: str) -> PrintOut:  # noqa: A002
    """给没有手机的党员印个人卡；组织者扫卡登记到场，效果一样."""
    session, who = call.session, people.by_public_id(call.session, person)
    row = posters.card_of(session, who, places.node(session, id), form=call.body.format, actor=call.actor, now=call.now)
    return _print(row)


@codes_resource.get("/prints/<id>", permission=P.TASKS_ORGANISE, answer=PrintOut, etag=True)
def print_progress(call: Call[None], id: str) -> PrintOut:  # noqa: A002
    """一次打印的进度."""
    return _print(posters.by_public_id(call.session, id, actor=call.actor))


@codes_resource.get(
    "/prints/<id>/file", permission=P.TASKS_ORGANISE, media=("application/pdf", "image/png"), problems=("POSTER_FAILED", "POSTER_NOT_READY")
)
def print_file(call: Call[None], id: str) -> Response:  # noqa: A002
    """印好的文件."""
    row = posters.by_public_id(call.session, id, actor=call.actor)
    if row.state is PrintState.WAITING:
        raise Problem("POSTER_NOT_READY")
    return _file(row)


def _file(row: PosterPrint) -> Response:
    if row.state is PrintState.FAILED:
        raise Problem("POSTER_FAILED")
    if row.sha256 is None:
        answer = Response(_print(row).model_dump_json(), status=202, mimetype="application/json")
        answer.headers["Retry-After"] = "2"
        return answer
    return raw(files.get(posters.AREA, row.sha256), row.form.media, name=f"poster-{row.public_id}.{row.form.suffix}")


def _print(row: PosterPrint) -> PrintOut:
    return PrintOut(id=row.public_id, state=row.state, done=row.done, total=row.total, format=row.form)


def _code(call: Call[RevokeCodeIn] | Call[None], code: Code, task: str | None) -> CodeOut:
    token = None if code.mode == Mode.ROTATING else codes.token_of(code, now=call.now)
    return CodeOut(
        id=code.public_id,
        kind=code.kind,
        kind_text=KIND_NAMES.get(code.kind, "二维码"),
        label=code.label,
        rotating=code.mode == Mode.ROTATING,
        epoch=code.epoch,
        token=token,
        link=None if token is None else _link(token),
        task=task,
    )


def _slots(slots: list[tuple[int, str]]) -> list[SlotOut]:
    return [SlotOut(at=codes.moment(second), token=token, link=_link(token)) for second, token in slots]


def _link(token: str) -> str:
    return f"{current_app.config['SETTINGS'].web.public_base.rstrip('/')}/q/{token}"
