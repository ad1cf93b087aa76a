"""What the routes on accounts and consents take and give."""

from __future__ import annotations

from pydantic import Field

from miniprogram_api.schemas import In, Instant, Line, Out, Token
from server.db.models.people import Consent
from server.domain.consents import ConsentText
from server.domain.people import ConsentChannel, MemberType, Purpose
from server.domain.permissions import Role
from server.domain.problems import Problem
from server.domain.registrations import MemberState
from server.services.profiles import Profile


class SignInIn(In):
    """wx.login 的结果."""

    code: Token = Field(description="wx.login 得到的 code，五分钟内用一次", examples=["0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P"])


class RoleOut(Out):
    role: Role = Field(description="角色")
    kind: str = Field(description="所在一级：county street community estate grid building，或 unit", examples=["community"])
    place_id: str = Field(description="所在组织或单位的编号")
    place: str = Field(description="所在组织或单位的名称", examples=["示例社区"])


class MyRegistrationOut(Out):
    id: str = Field(description="报到编号")
    state: MemberState = Field(description="submitted 待社区接收，active 已报到，returned 被退回，transferring 转接中")
    community_id: str
    community: str = Field(examples=["示例社区"])


class MeOut(Out):
    """本人."""

    id: str = Field(description="人员编号")
    name: str | None = Field(description="姓名；还没有填写时为 null", examples=["张三"])
    phone: str | None = Field(description="手机号，中间四位隐去", examples=["138****8000"])
    member_type: MemberType = Field(description="in_service 在职，retired 离退休，floating 流动，resident_party 在册，non_party 群众")
    elder: bool = Field(description="是否使用长辈版")
    bound: bool = Field(description="是否已与单位名册核对")
    unit_id: str | None = None
    unit: str | None = Field(default=None, description="工作单位", examples=["示例县第一小学"])
    branch: str | None = Field(default=None, description="所在支部；同意 party_data 后才有")
    registration: MyRegistrationOut | None = Field(default=None, description="现在的报到；没有时为 null")
    roles: list[RoleOut] = Field(default=[], description="担任的角色")
    consents: list[Purpose] = Field(default=[], description="已同意的用途")


class SessionOut(Out):
    """登录成功."""

    token: str = Field(description="放进请求头 Authorization: Bearer <token>；只在这里给一次")
    expires_at: Instant = Field(description="到期时间")
    person: MeOut


class PhoneIn(In):
    """手机号授权."""

    code: Token = Field(description="手机号按钮（getPhoneNumber）返回的 code，不是登录 code")


class PhoneOut(Out):
    """核对名册的结果."""

    bound: bool = Field(description="是否已与名册核对上")
    person_id: str = Field(description="人员编号；社区先前代为登记过的人会变成那一个编号")
    name: str | None = Field(default=None, description="名册上的姓名")
    next: str | None = Field(default=None, description="没有核对上时下一步做什么", examples=["binding_request"])
    reason: str | None = Field(default=None, examples=["ROSTER_NO_MATCH", "ROSTER_AMBIGUOUS"])
    message: str | None = Field(default=None, description="给人看的一句话", examples=["名册里没有找到这个手机号，请向社区申请人工核对"])


class MeIn(In):
    """要改的项；不改的不传."""

    name: Line | None = Field(None, description="姓名", examples=["张三"])
    elder: bool | None = Field(None, description="是否使用长辈版")


class ConsentTextOut(Out):
    purpose: Purpose
    version: str = Field(description="同意时原样带回", examples=["2026-01"])
    title: str
    why: str = Field(description="为什么要用")
    data: str = Field(description="用哪些信息")
    retention: str = Field(description="保存多久")
    rights: str = Field(description="您有哪些权利")


class ConsentTextsOut(Out):
    items: list[ConsentTextOut]


class ConsentIn(In):
    """同意一个用途."""

    purpose: Purpose = Field(
        description="service 报到与服务记录，party_data 党组织信息，share_unit 向单位报告，honour 公开表彰，wishes 微心愿"
    )
    version: Line = Field(description="所读说明的版本", examples=["2026-01"])


class ConsentOut(Out):
    id: str
    purpose: Purpose
    version: str
    channel: ConsentChannel = Field(description="app 本人在手机上，paper 纸面，spoken 口头（有人见证）")
    given_at: Instant


class ConsentsOut(Out):
    items: list[ConsentOut]


def me(profile: Profile) -> MeOut:
    """A profile as an answer."""
    person = profile.person
    return MeOut(
        id=person.public_id,
        name=profile.name or None,
        phone=profile.phone or None,
        member_type=person.member_type,
        elder=person.elder,
        bound=profile.bound,
        unit_id=profile.unit_id,
        unit=profile.unit,
        branch=profile.branch,
        registration=MyRegistrationOut.model_validate(profile.registration) if profile.registration else None,
        roles=[RoleOut.model_validate(held) for held in profile.roles],
        consents=list(profile.consents),
    )


def text(purpose: Purpose, shown: ConsentText) -> ConsentTextOut:
    """A consent text as an answer."""
    return ConsentTextOut(
        purpose=purpose, version=shown.version, title=shown.title, why=shown.purpose, data=shown.data, retention=shown.retention,
        rights=shown.rights,
    )  # fmt: skip


def consent(row: Consent) -> ConsentOut:
    """A consent as an answer."""
    return ConsentOut(id=row.public_id, purpose=row.purpose, version=row.version, channel=row.channel, given_at=row.given_at)


def purpose_of(word: str) -> Purpose:
    """The purpose a URL names. Raises NOT_FOUND."""
    if word not in set(Purpose):
        raise Problem("NOT_FOUND")
    return Purpose(word)
