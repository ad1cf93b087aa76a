"""Every refusal: a stable code, its kind, and one Chinese sentence that says what to do next (house law 5).

Programs and tests use the code, people read the sentence. The edge maps the kind to an HTTP status; docs/errors.md is rendered from here.
Keep each subject's codes together and alphabetised.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """What went wrong, without HTTP."""

    MALFORMED = "malformed"  # the message itself cannot be read
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"  # the state of things does not allow it now
    REFUSED = "refused"  # well-formed, but a rule says no
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    TOO_OLD = "too_old"  # the client must be updated
    UNAVAILABLE = "unavailable"  # a part we need does not answer
    FAULT = "fault"


K = Kind
PROBLEMS: Mapping[str, tuple[Kind, str]] = {
    # the edge
    "BAD_JSON": (K.MALFORMED, "请求内容不是有效的 JSON，请更新小程序后重试"),
    "CLIENT_TOO_OLD": (K.TOO_OLD, "小程序版本太旧，请关闭后重新打开以更新"),
    "FORBIDDEN": (K.FORBIDDEN, "您没有办理这件事的权限，请联系社区书记"),
    "IDEMPOTENCY_KEY_MISSING": (K.MALFORMED, "请求缺少 Idempotency-Key，请更新小程序后重试"),
    "IDEMPOTENCY_KEY_REUSED": (K.REFUSED, "同一个请求编号不能用于不同内容，请重新提交"),
    "INTERNAL": (K.FAULT, "系统出了点问题，已经记录，请稍后再试"),
    "INVALID": (K.REFUSED, "填写的内容有误，请按提示改正"),
    "METHOD_NOT_ALLOWED": (K.MALFORMED, "这个地址不支持这种操作，请更新小程序后重试"),
    "NOT_FOUND": (K.NOT_FOUND, "没有找到，请返回上一页刷新后再试"),
    "TOO_LARGE": (K.TOO_LARGE, "内容太大，请压缩后再上传"),
    "TOO_MANY_REQUESTS": (K.TOO_MANY, "操作太频繁，请稍等一分钟再试"),
    "UNAUTHENTICATED": (K.UNAUTHENTICATED, "登录已失效，请重新打开小程序登录"),
    "UNAVAILABLE": (K.UNAVAILABLE, "服务暂时繁忙，请稍后再试"),
    # state machines
    "ILLEGAL_MOVE": (K.CONFLICT, "当前状态不能这样操作，请刷新后查看最新进展"),
    "NOTE_REQUIRED": (K.REFUSED, "请写明原因后再提交"),
    "STALE": (K.CONFLICT, "别人刚刚处理过，请刷新后再操作"),
    # organisations
    "ORG_LEVEL": (K.REFUSED, "这一级不能建在所选的上级下面，请重新选择上级"),
    # accounts
    "CONSENT_REQUIRED": (K.REFUSED, "请先阅读并同意个人信息使用说明，再继续办理"),
    "LOGIN_FAILED": (K.UNAUTHENTICATED, "登录名或密码不对，请核对后重试"),
    "LOGIN_LOCKED": (K.TOO_MANY, "密码错误次数过多，请十五分钟后再试"),
    "PHONE_TAKEN": (K.CONFLICT, "这个手机号已绑定其他人，请向社区申请人工核对"),
    "ROSTER_NO_MATCH": (K.REFUSED, "名册里没有找到这个手机号，请向社区申请人工核对"),
    # codes (docs/protocol.md §1)
    "QR_EXPIRED": (K.REFUSED, "这个码已经过期，请重新获取"),
    "QR_FORGED": (K.REFUSED, "这个码不是本系统发出的，请核对后再扫"),
    "QR_FORMAT": (K.REFUSED, "这不是共建系统的码，请对准海报上的二维码再扫"),
    "QR_KEY_RETIRED": (K.REFUSED, "这张海报已停用，请联系社区换新海报"),
    "QR_NOT_YOURS": (K.REFUSED, "这个码是给别人的，请用自己的码"),
    "QR_REVOKED": (K.REFUSED, "这个码已作废，请扫社区新贴的码"),
    "QR_UNKNOWN": (K.REFUSED, "没有找到这个码对应的地点，请联系社区"),
    "QR_USED": (K.REFUSED, "这个码已经用过，请重新获取"),
    "QR_VERSION": (K.REFUSED, "这个码的版本不认识，请更新小程序"),
    "QR_WINDOW_AHEAD": (K.REFUSED, "这个码还没有生效，请稍等几秒再扫"),
    "QR_WINDOW_PAST": (K.REFUSED, "这个码已经换了，请对着屏幕再扫一次"),
    "QR_WRONG_KIND": (K.REFUSED, "这个码不是用来签到的，请扫活动现场的码"),
    "QR_THROTTLED": (K.TOO_MANY, "无效的码扫得太多，请一分钟后再试"),
    # check-ins (docs/protocol.md §2, §3)
    "CHECKIN_CANCELLED": (K.REFUSED, "这项活动已取消，请查看其他活动"),
    "CHECKIN_CLOSED": (K.REFUSED, "活动已经结束，请组织者补记"),
    "CHECKIN_EARLY": (K.REFUSED, "活动还没开始，请在开始前三十分钟内再扫"),
    "CHECKIN_NOT_CLAIMED": (K.REFUSED, "您还没有报名或报名未通过，请先报名或请组织者登记"),
    "CHECKIN_NO_ENTRY": (K.REFUSED, "没有找到您的签到记录，请先扫码签到"),
    "CHECKIN_SELF": (K.REFUSED, "不能给自己登记，请由其他组织者操作"),
    "FUTURE": (K.REFUSED, "手机时间不对，请校准时间或请组织者补记"),
    "MID_REUSED": (K.CONFLICT, "同一条记录内容前后不一致，请请组织者补记"),
    "NOT_YOUR_MESSAGE": (K.REFUSED, "这条离线记录不是您本人的，请用本人账号上传"),
    "TOO_OLD": (K.REFUSED, "离线记录超过三天，请组织者补记"),
}


class Problem(Exception):
    """A refusal with a code of PROBLEMS; `fields` names what to correct, `data` is for the refused-scan ledger and clients."""

    def __init__(self, code: str, *, fields: Mapping[str, str] | None = None, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.kind, self.message = PROBLEMS[code]
        self.fields = dict(fields or {})
        self.data = dict(data or {})
