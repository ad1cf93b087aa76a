"""WeChat's error numbers: what each means for the caller, which name it has here, which sentence the person reads."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.wechat.port import (
    WechatBug,
    WechatError,
    WechatFinal,
    WechatRetryLater,
    WechatStopped,
    WechatUserMust,
)

TOKEN_REFUSED = frozenset({40001, 40014, 42001})
"""The access token is the trouble: worth one more try with a fresh one."""

_BUSY = "微信暂时繁忙，请过一分钟再试。"
_BUG = "向微信发出的请求不正确，请把这个提示告诉管理员。"

BUSY = (WechatRetryLater, "WECHAT_BUSY", _BUSY)

_RULES: tuple[tuple[tuple[int, ...], tuple[type[WechatError], str, str]], ...] = (
    ((-1, 45011, 44990, 44991, 43108), BUSY),
    ((40001, 40014, 42001), (WechatStopped, "WECHAT_TOKEN_REFUSED", "微信不接受访问凭证，请管理员检查小程序账号。")),
    ((45009,), (WechatStopped, "WECHAT_QUOTA", "今天的微信调用次数已用完，请明天再试。")),
    ((40125, 40243, 41004), (WechatStopped, "WECHAT_SECRET_REFUSED", "小程序密钥不正确，请管理员更新密钥。")),
    ((40013, 41002), (WechatStopped, "WECHAT_APPID_REFUSED", "小程序编号不正确，请管理员核对配置。")),
    (
        (40164, 89503, 89504, 89505, 89506, 89507),
        (WechatStopped, "WECHAT_IP_REFUSED", "微信不接受这台服务器的地址，请管理员把它加入小程序后台的白名单。"),
    ),
    ((48001,), (WechatStopped, "WECHAT_NO_PERMISSION", "小程序没有这项微信权限，请管理员在后台申请。")),
    ((50004, 50007), (WechatStopped, "WECHAT_ACCOUNT_FROZEN", "小程序账号被冻结，请管理员联系微信处理。")),
    ((43107,), (WechatStopped, "WECHAT_SUBSCRIBE_BANNED", "小程序的订阅消息被封禁，请管理员联系微信处理。")),
    ((40029,), (WechatUserMust, "WECHAT_CODE_INVALID", "登录凭证无效或已过期，请重新登录。")),
    ((40163,), (WechatUserMust, "WECHAT_CODE_USED", "登录凭证已经用过，请重新登录。")),
    ((40226,), (WechatUserMust, "WECHAT_USER_BLOCKED", "微信限制了这个账号登录，请联系社区书记线下办理。")),
    ((61010,), (WechatUserMust, "WECHAT_VISIT_EXPIRED", "离上次打开小程序太久，请重新打开后再提交。")),
    ((43101,), (WechatFinal, "WECHAT_NOT_SUBSCRIBED", "对方没有订阅这类消息，请在小程序内查看通知。")),
    ((40003, 43104), (WechatFinal, "WECHAT_OPENID_UNKNOWN", "微信不认识这个用户，请本人重新登录小程序。")),
    ((40037,), (WechatFinal, "WECHAT_TEMPLATE_UNKNOWN", "消息模板不存在，请管理员核对模板编号。")),
    ((47003,), (WechatFinal, "WECHAT_FIELD_REFUSED", "消息内容不合模板要求，请管理员核对模板字段。")),
    ((45168,), (WechatFinal, "WECHAT_WORD_REFUSED", "消息含有微信不允许的词，请修改后重新发布。")),
    ((87020,), (WechatFinal, "WECHAT_MEDIA_REPEATED", "这张图片已经送检过，请等待结果。")),
    ((41030, 85096), (WechatBug, "WECHAT_PAGE_UNKNOWN", "小程序里没有这个页面，请管理员先发布新版本。")),
    (
        (40002, 40004, 40066, 40097, 40129, 40169, 41001, 41008, 43002, 44002, 47001),
        (WechatBug, "WECHAT_REQUEST_REFUSED", _BUG),
    ),
)

Meaning = tuple[type[WechatError], str, str]
MEANINGS: Mapping[int, Meaning] = {number: meaning for numbers, meaning in _RULES for number in numbers}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call: path, whether a second time would count (``once``), sentence for a lost answer, meanings of its own."""

    path: str
    once: bool = False
    lost: str = _BUSY
    special: Mapping[int, Meaning] = field(default_factory=dict)


_PHONE_INVALID = (WechatUserMust, "WECHAT_PHONE_CODE_INVALID", "手机号授权已失效，请重新点一次授权手机号。")

STABLE_TOKEN = Endpoint("/cgi-bin/stable_token")
LOGIN = Endpoint("/sns/jscode2session", once=True, lost="没有收到微信的登录结果，请重新登录一次。")
PHONE = Endpoint(
    "/wxa/business/getuserphonenumber",
    once=True,
    lost="没有收到微信的手机号结果，请重新点一次授权手机号。",
    special={40029: _PHONE_INVALID, 40163: _PHONE_INVALID},
)
# The code endpoint says 45009 when its minute quota is used up, so this one is worth waiting for.
WXACODE = Endpoint("/wxa/getwxacodeunlimit", special={45009: BUSY})
TEXT_CHECK = Endpoint("/wxa/msg_sec_check")
MEDIA_CHECK = Endpoint("/wxa/media_check_async")
SUBSCRIBE = Endpoint("/cgi-bin/message/subscribe/send", once=True, lost="不能确定消息是否已送达，请在小程序内查看通知。")


def error_for(endpoint: Endpoint, errcode: int, errmsg: str = "") -> WechatError:
    """The error of ``errcode`` at ``endpoint``; a number we do not know is a bug of ours to look at, never a retry."""
    default = (WechatBug, "WECHAT_ERRCODE_UNKNOWN", _BUG)
    kind, code, message = endpoint.special.get(errcode) or MEANINGS.get(errcode, default)
    if errcode == 40164 and (address := re.search(r"invalid ip ([0-9A-Fa-f.:]{2,45})", errmsg)):
        message = f"微信不接受服务器地址 {address[1]}，请管理员把它加入小程序后台的白名单。"
    return kind(errcode, code, message, errmsg)
