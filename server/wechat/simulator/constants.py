"""The simulator's published constants: identities, error texts, templates, quotas (docs/simulator.md)."""

from typing import Any, Final

APPID: Final = "wxsim0000000001cafe"
SECRET: Final = "simulated-secret-not-for-production"  # noqa: S105  public by design: it opens nothing real
PUSH_TOKEN: Final = "simulatedpushtoken"  # noqa: S105
AES_KEY: Final = "SimulatedAesKeyNotForProductionUse000000000"
ORIGINAL_ID: Final = "gh_51a7ed00cafe"
PLATFORM: Final = "wxsim_platform"
PAGES: Final = ("pages/index/index", "pages/scan/scan", "pages/tasks/tasks", "pages/inbox/inbox", "pages/me/me")

ERRORS: Final[dict[int, str]] = {
    -1: "system error",
    40001: "invalid credential, access_token is invalid or not latest, could get access_token by getStableAccessToken,"
    " more details at https://mmbizurl.cn/s/JtxxFh33r",
    40002: "invalid grant_type",
    40003: "invalid openid",
    40004: "invalid media type",
    40013: "invalid appid",
    40014: "invalid access_token",
    40029: "invalid code",
    40037: "invalid template_id",
    40066: "invalid url",
    40097: "invalid args",
    40125: "invalid appsecret",
    40129: "invalid scene",
    40159: "invalid length for path, or the data is not json string",
    40163: "code been used",
    40164: "invalid ip",
    40169: "invalid length for scene, or the data is not json string",
    40226: "code blocked",
    41001: "access_token missing",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    41030: "invalid page",
    42001: "access_token expired",
    43002: "require POST method",
    43101: "user refuse to accept the msg",
    43104: "appid not match the openid",
    43107: "subscribe message banned",
    43108: "concurrent message sends to one user",
    44002: "empty post data",
    44990: "reach max api second frequence limit",
    44991: "reach max api minute frequence limit",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    45029: "qrcode count out of limit",
    45168: "content contains sensitive word",
    47001: "data format error",
    47003: "argument invalid!",
    48001: "api unauthorized",
    61010: "code is expired",
    85096: "not allow include scancode_time field",
    87009: "invalid signature",
}

TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "tpl_claim_decided": {"title": "认领审核结果通知", "fields": {"thing1": "事项", "phrase2": "结果", "thing3": "备注"}},
    "tpl_reminder": {"title": "活动开始提醒", "fields": {"thing1": "事项", "time2": "时间", "thing3": "备注"}},
    "tpl_record_confirmed": {"title": "服务记录确认通知", "fields": {"thing1": "事项", "phrase2": "结果", "number3": "服务分钟"}},
    "tpl_registration_decided": {"title": "报到审核结果通知", "fields": {"thing1": "事项", "phrase2": "结果", "thing3": "备注"}},
    "tpl_request_progress": {"title": "诉求进度通知", "fields": {"thing1": "事项", "phrase2": "进度", "thing3": "备注"}},
}

# path → (window, calls allowed, errcode when more)
QUOTAS: Final[dict[str, list[tuple[str, int, int]]]] = {
    "/cgi-bin/token": [("day", 2000, 45009)],
    "/cgi-bin/stable_token": [("minute", 10_000, 45011), ("day", 500_000, 45009)],
    "/wxa/getwxacodeunlimit": [("minute", 5000, 45009)],
    "/cgi-bin/message/subscribe/send": [("day", 10_000_000, 45009)],
    "/wxa/msg_sec_check": [("minute", 4000, 44991), ("day", 2_000_000, 45009)],
    "/wxa/media_check_async": [("minute", 2000, 44991), ("day", 200_000, 45009)],
}

# word → (suggest, label)
WORDS: Final[dict[str, tuple[str, int]]] = {
    "测试违规": ("risky", 21000),
    "测试辱骂": ("risky", 20003),
    "测试广告": ("review", 10001),
}
SENSITIVE_WORDS: Final = ("测试敏感词",)
