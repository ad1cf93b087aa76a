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
    "FORM_EXPIRED": (K.CONFLICT, "这个页面停留太久了，请核对后再提交一次"),
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
    "KEYS_FULL": (K.CONFLICT, "这个密钥环的 32 个位置已用满，请按运维手册换新的部署名"),
    "KEYS_IN_USE": (K.CONFLICT, "还有内容用这把密钥加密，请先重新加密，完成后再停用"),
    "KEYS_SOON": (K.CONFLICT, "新密钥刚添加，各个进程还在读取，请过一分钟再启用"),
    "NOTE_REQUIRED": (K.REFUSED, "请写明原因后再提交"),
    "REASON_UNFIT": (K.REFUSED, "这条原因是给别的事项用的，请另选一条，或写一句自己的"),
    "STALE": (K.CONFLICT, "别人刚刚处理过，请刷新后再操作"),
    "UNDO_ACTED": (K.CONFLICT, "这个人刚刚又办了事，不能撤销了，请先联系本人核对清楚"),
    "UNDO_DONE": (K.CONFLICT, "这一步已经撤销过了，请刷新后查看"),
    "UNDO_LATE": (K.CONFLICT, "已超过十秒，不能撤销了，请到详情页另行处理"),
    "UNDO_MOVED": (K.CONFLICT, "撤销前别人又办了下一步，请刷新后查看最新进展"),
    "UNDO_READ": (K.CONFLICT, "已经看过联系方式，不能撤销了，请先联系对方；办不了就放回"),
    "UNDO_RECKONED": (K.CONFLICT, "之后确认的一条记录已扣除和这条重叠的时间，请先撤销那一条"),
    # organisations
    "ORG_ENDED": (K.CONFLICT, "这个组织已经撤销，请选择现在的组织"),
    "ORG_EXISTS": (K.CONFLICT, "同一上级下已有同名的组织或代码已被使用，请核对后再建"),
    "ORG_LEVEL": (K.REFUSED, "这一级不能建在所选的上级下面，请重新选择上级"),
    # units, rosters, roles, staff, policies
    "BRANCH_EXISTS": (K.CONFLICT, "这个单位已有同名支部，请直接使用"),
    "CODE_REQUIRED": (K.UNAUTHENTICATED, "请再输入验证器里的六位验证码（或一个恢复码）"),
    "CODE_WRONG": (K.UNAUTHENTICATED, "验证码不对或已经用过，请等验证器换下一个再输"),
    "LOGIN_OF_HIS_OWN": (K.CONFLICT, "此人用自己的微信登录，密码别人不能代设，请本人扫码登录后在“我的登录”里自己设"),
    "LOGIN_TAKEN": (K.CONFLICT, "这个登录名已被使用或此人已有登录名，请核对后再建"),
    "PASSWORD_DIFFERS": (K.REFUSED, "两次输入的新密码不一样，请重新输入"),
    "PASSWORD_OLD": (K.FORBIDDEN, "密码是别人给的或已满九十天，请设置自己的新密码"),
    "PASSWORD_USED": (K.REFUSED, "这个密码最近用过，请换一个没用过的"),
    "PASSWORD_WEAK": (K.REFUSED, "密码至少 10 位，并含大写、小写、数字、符号中的三种，请重新设置"),
    "ROLE_HELD": (K.CONFLICT, "此人在这里已有这个角色，不用再授权"),
    "ROLE_PLACE": (K.REFUSED, "联络员和支部角色要授在单位上，其他角色要授在组织上，请重新选择"),
    "ROLE_SELF": (K.REFUSED, "不能给自己授权，请由上级办理"),
    "ROLE_SPLIT": (K.REFUSED, "系统管理员、安全管理员、审计员要由不同的人担任，请换一个人"),
    "ROSTER_DRAFT_GONE": (K.CONFLICT, "这份名册已过保存期限，请重新上传"),
    "ROSTER_EMPTY": (K.REFUSED, "表头下面没有内容，请填好后再导入"),
    "ROSTER_FORMAT": (K.REFUSED, "这不是 xlsx 或 CSV 名册，请用 Excel 或 WPS 另存为 .xlsx 后再导入"),
    "ROSTER_ID_COLUMN": (K.REFUSED, "名册里有证件号码，本系统不收，请删去那一列后再导入"),
    "ROSTER_NO_HEADER": (K.REFUSED, "没有找到表头，请对照模板补上列名后再导入"),
    "ROSTER_TOO_BIG": (K.TOO_LARGE, "名册文件太大或压缩异常，请删去图片和多余的表后再导入"),
    "ROSTER_TOO_LONG": (K.TOO_LARGE, "名册超过五万行，请分成几个文件导入"),
    "ROSTER_UNREADABLE": (K.REFUSED, "名册打不开，请用 Excel 或 WPS 打开并另存为 .xlsx 后再导入"),
    "SECOND_FACTOR_MISSING": (K.FORBIDDEN, "还没有绑定验证器，请先在管理后台用密码登录并绑定"),
    "SIGN_IN_AGAIN": (K.REFUSED, "登录已超过十分钟，请退出后用微信重新扫码登录，再来设置密码"),
    "SIGN_IN_NUMBER": (K.REFUSED, "数字选错了，这个码已作废，请在电脑上换一个码再扫"),
    "SIGN_IN_REFUSED": (K.CONFLICT, "手机上没有同意这次登录，请换一个码再扫"),
    "SIGN_IN_WAITING": (K.CONFLICT, "手机上还没有确认，请用微信扫码并点选屏幕上的数字"),
    "UNIT_EXISTS": (K.CONFLICT, "这个单位已经登记，请直接使用或核对信用代码"),
    # accounts
    "ALREADY_BOUND": (K.CONFLICT, "您已经和名册核对过了，不用再申请"),
    "BINDING_OPEN": (K.CONFLICT, "您的核对申请正在等待社区处理，请先查看进展"),
    "BINDING_PARTED": (K.REFUSED, "名册里的这个人的合并是您撤销的，请另一位工作人员核对后再认定"),
    "BINDING_UNMATCHED": (K.REFUSED, "请打开这条申请，选定名册里的人后再通过"),
    "CONSENT_OUTDATED": (K.REFUSED, "个人信息使用说明已更新，请重新阅读后再同意"),
    "CONSENT_REQUIRED": (K.REFUSED, "请先阅读并同意个人信息使用说明，再继续办理"),
    "LOGIN_FAILED": (K.UNAUTHENTICATED, "登录名或密码不对，请核对后重试"),
    "LOGIN_LOCKED": (K.TOO_MANY, "密码错误次数过多，请用微信扫码登录，或十五分钟后再试"),
    "NAME_ON_ROSTER": (K.REFUSED, "您的姓名以单位名册为准，有误请联系单位更正"),
    "NAME_REQUIRED": (K.REFUSED, "请先填写姓名再继续办理"),
    "PHONE_TAKEN": (K.CONFLICT, "这个手机号已绑定其他人，请向社区申请人工核对"),
    "ROSTER_AMBIGUOUS": (K.REFUSED, "名册里这个手机号不能确定是谁，请向社区申请人工核对"),
    "ROSTER_ENTRY_TAKEN": (K.CONFLICT, "名册里的这个人已经绑定别人，请核对后另选"),
    "ROSTER_NO_MATCH": (K.REFUSED, "名册里没有找到这个手机号，请向社区申请人工核对"),
    "WITNESS_REQUIRED": (K.REFUSED, "纸面或口头同意要有另一位在场的工作人员见证，请补上见证人"),
    # tasks and shifts
    "CAPACITY_TAKEN": (K.CONFLICT, "名额不能少于已经占用的人数，请重新填写"),
    "INSURANCE_REQUIRED": (K.REFUSED, "有人身危险的服务要先办保险，办好后再发布"),
    "NOT_A_POST": (K.REFUSED, "只有岗位可以排班，请选择岗位"),
    "RISK_NOTE_REQUIRED": (K.REFUSED, "请写明风险提示后再发布"),
    "TASK_FIXED": (K.CONFLICT, "已发布的内容只能改说明、技能、名额和风险提示，其他请取消后重新发布"),
    "TASK_PAST": (K.REFUSED, "结束时间已经过了，请改时间后再发布"),
    # claims
    "CLAIM_CLOSED": (K.REFUSED, "现在不能报名，请看看其他任务"),
    "CLAIM_EXISTS": (K.CONFLICT, "已经报过名了，请在我的报名里查看"),
    "CLAIM_NOT_ASKED": (K.REFUSED, "这项任务只面向结对单位的党员，请看看其他任务"),
    "CLAIM_NOT_NEEDED": (K.REFUSED, "这项活动不用报名，到场扫码即可"),
    "CLAIM_TEAM_ONLY": (K.REFUSED, "这项任务由志愿服务队队长统一报名，请联系队长"),
    "LEAVE_LATE": (K.REFUSED, "已经开始或结束，请直接联系组织者"),
    "NO_SHOW_EARLY": (K.REFUSED, "活动结束后才能登记未到，请稍后再办"),
    "SHIFT_REQUIRED": (K.REFUSED, "这个岗位要选班次，请选一个班次再报名"),
    "STAND_IN_SELF": (K.REFUSED, "不能请自己顶班，请选择另一位"),
    "TASK_FULL": (K.CONFLICT, "名额已满，请看看其他任务"),
    "TEAM_BUSY": (K.CONFLICT, "这支队还有没办完的诉求或没答复的派单，请先办完或改派，再停用"),
    "TEAM_LEADER": (K.REFUSED, "您是队长，请先请社区换队长再退出"),
    # registrations, units, documents
    "CERTIFICATE_EMPTY": (K.REFUSED, "这段时间没有已确认的服务记录，请换一段时间"),
    "NOT_COMMUNITY": (K.REFUSED, "所选的不是社区，请重新选择社区"),
    "QR_NOT_COMMUNITY": (K.REFUSED, "这不是社区的报到码，请扫社区张贴的报到码"),
    "REGISTERS_HIMSELF": (K.CONFLICT, "此人已有自己的账号，请他在手机上报到，或带来本人签字的纸质登记表"),
    "REGISTRATION_ELSEWHERE": (K.CONFLICT, "这位同志已在别的社区报到，请改办转接"),
    "REGISTRATION_EXISTS": (K.CONFLICT, "您已在这个社区报到，不用重复提交"),
    "REGISTRATION_OPEN": (K.CONFLICT, "您的报到正在等待社区处理，请先查看进展"),
    "SHARE_NOT_AGREED": (K.FORBIDDEN, "本人没有同意向单位公开服务情况，请先征得本人同意"),
    "TRANSFER_SAME": (K.REFUSED, "转入的社区就是现在的社区，请重新选择"),
    "UNIT_REGISTERED": (K.CONFLICT, "这个单位已经报到，请查看原来的报到单"),
    # dispatch, handling, escalation of requests (docs/rules.md §3.3)
    "CARER_SELF": (K.REFUSED, "照护人不能是被照护的人自己，请选择另一位"),
    "CONTACT_CLOSED": (K.REFUSED, "只有接单后到办结前才能查看电话，请从待办里打开"),
    "EXPLAIN_SELF": (K.REFUSED, "不能复核自己提出的说明，请由另一位负责人复核"),
    "EXTENSION_LATE": (K.REFUSED, "已经到期，不能再申请延期，请尽快办结"),
    "EXTENSION_LONG": (K.REFUSED, "延期超过了最长期限，请选近一些的日期"),
    "EXTENSION_USED": (K.CONFLICT, "一件诉求只能申请一次延期，请按时办结"),
    "MEDIATION_EXISTS": (K.CONFLICT, "这件诉求已经有调解记录，请直接补充结果"),
    "OFFER_EXISTS": (K.CONFLICT, "已经派给或报名过，请等待答复"),
    "REQUEST_HIGHEST": (K.REFUSED, "已经在最高一级，不能再升级，请直接办理"),
    "REQUEST_LEVEL": (K.REFUSED, "这件诉求已升级，请由上一级办理"),
    "REQUEST_NOT_OPEN": (K.REFUSED, "这件诉求现在不能认领，请看看其他诉求"),
    "REQUEST_CLAIM_SELF": (K.REFUSED, "不能同意自己的认领，请由另一位负责人审核"),
    "REQUEST_OWN": (K.REFUSED, "不能办理自己提出的诉求，请由其他人办理"),
    "SAME_HANDLER": (K.REFUSED, "第二次回炉要换人办理，请选择另一位或另一个单位"),
    "STATION_CLOSED": (K.CONFLICT, "这个服务站已经关闭，请选择开着的服务站"),
    "STATION_EXISTS": (K.CONFLICT, "这个社区已有同类服务站，请直接使用"),
    # figures and Excel files (docs/rules.md §4)
    "EXPORT_GONE": (K.CONFLICT, "这份文件已过保存期限，请重新导出"),
    "EXPORT_NOT_READY": (K.CONFLICT, "文件还在生成，请等一会儿再下载"),
    "FIGURES_NOT_COUNTED": (K.CONFLICT, "这个周期还没有统计，请打开统计数据点“重新统计”，过一会儿再导出"),
    # complaints and suggestions (docs/rules.md §3.7)
    "FEEDBACK_ABOUT_YOU": (K.REFUSED, "这条意见与您经办的事有关，请由同事代为登记"),
    # micro-wishes (docs/rules.md §3.4)
    "WISH_CASH": (K.REFUSED, "微心愿不收现金、红包和购物卡，请改写成一件具体的东西或一件事"),
    "WISH_DETAILS": (K.REFUSED, "公布的文字里不能有姓名、电话、证件号和门牌号，请改写后再提交"),
    "WISH_SELF": (K.REFUSED, "不能认领自己或自己家的心愿，请看看别的心愿"),
    "WISH_VALUE": (K.REFUSED, "估价超过了微心愿的上限，请拆成小一些的心愿"),
    # requests (docs/rules.md §3.3)
    "CONTENT_REFUSED": (K.REFUSED, "文字没有通过微信的内容检查，请换个说法再提交，或直接打社区电话"),
    "MERGE_INTO": (K.REFUSED, "只能并到本社区另一条还没办结的诉求，请重新选择"),
    "REQUEST_TOO_MANY": (K.TOO_MANY, "今天提交的诉求已到上限，急事请直接打社区电话，其他请明天再提"),
    "REQUEST_UNCHECKED": (K.CONFLICT, "内容还没有通过检查，请先在待查内容里处理"),
    "VOICE_FORMAT": (K.REFUSED, "这不是能用的录音，请在小程序里重新录一段"),
    "VOICE_TOO_LONG": (K.TOO_LARGE, "录音太长，请控制在六十秒以内重新录"),
    # service records (docs/protocol.md §2)
    "CONFIRM_DEPENDENT": (K.REFUSED, "签到是从您的登录代办的，请由另一位组织者确认"),
    "CONFIRM_SELF": (K.REFUSED, "不能确认自己的服务记录，请由另一位组织者确认"),
    "DISPUTE_LATE": (K.REFUSED, "确认已超过三十天，请直接联系社区"),
    "END_REQUIRED": (K.REFUSED, "没有签退，请填写结束时间后再确认"),
    "END_WRONG": (K.REFUSED, "结束时间要在开始之后、现在之前，请重新填写"),
    "RECORDER_CONFIRMS": (K.REFUSED, "登记人不能再确认，请由另一位组织者确认"),
    "RECORD_HOLD": (K.CONFLICT, "这条记录需要核实，请写明核实情况后再确认"),
    # 签收, 评分, 回访, 评价例会 (docs/protocol.md §4)
    "BALLOT_CLOSED": (K.CONFLICT, "这件事现在不能评分，请留意办理进展"),
    "BALLOT_OWN_WORK": (K.REFUSED, "自己办的事不用自己评分，请直接签收"),
    "BALLOT_TOKEN_TAKEN": (K.CONFLICT, "这一轮的评分凭证已经领过，请用领到凭证的那台手机评分"),
    "CALLBACK_EARLY": (K.CONFLICT, "还没到回访的日子，请先等本人签收"),
    "CALLBACK_RATED": (K.REFUSED, "本人已领取评分凭证，回访只问是否办好，请不要再问满意度"),
    "REVIEW_EXISTS": (K.CONFLICT, "本社区这个季度的评价例会已经建好，请直接使用"),
    "REVIEW_FEW_VOLUNTEERS": (K.REFUSED, "报名的人不够评议员名额，请再动员或减少名额（不少于五人）"),
    "REVIEW_NAMESAKE": (K.CONFLICT, "已有一位同名的人报了名；如果是另一位，请填写他的手机号再登记"),
    "REVIEW_NO_ITEMS": (K.REFUSED, "还没有要评议的事项，请先加入事项"),
    "REVIEW_REASON_REQUIRED": (K.REFUSED, "请为每一位选定的评议员写明理由"),
    "REVIEW_OWN_BOX": (K.REFUSED, "您是这次的评议员，请换一位不是评议员的同事录入票箱"),
    "REVIEW_SLIPS_OUT": (K.CONFLICT, "已经有人签收了纸条，不能重新打印，请用原来打印的那一份"),
    "REVIEW_SLIPS_OVER": (K.CONFLICT, "投进来的纸条比签收的多，请核对签收名单；对不上就取消这次投票"),
    "REVIEW_SLIPS_UNPRINTED": (K.REFUSED, "还没有打印纸条，请先打印、剪开、打乱，再请评议员抽取"),
    "REVIEW_SLIP_UNKNOWN": (K.REFUSED, "没有这个编号，请对着纸条再核对一遍"),
    "REVIEW_SLIP_USED": (K.CONFLICT, "这张纸条已经投过票，不用再投，一张只算一次"),
    "REVIEW_TURNOUT": (K.CONFLICT, "投票的人还不够，请等更多评议员投票后再计票"),
    "SIGN_OFF_ON_WORD": (K.REFUSED, "代别人签收要先问过本人，请勾选“已问过本人”"),
    "SIGN_OFF_OWN_WORK": (K.REFUSED, "承办人不能自己签收，请由社区回访"),
    "SLIPS_FEW": (K.REFUSED, "纸条要攒够五张一起录入，请攒够后再录"),
    "SLIPS_MANY": (K.REFUSED, "纸条比这里办结的诉求还多，请核对后再录"),
    # pictures
    "MEDIA_NOT_A_PICTURE": (K.REFUSED, "这不是能打开的图片，请上传 JPG、PNG 或 WebP"),
    "MEDIA_NOT_READY": (K.CONFLICT, "图片还在处理，请稍后再看"),
    "MEDIA_REFUSED": (K.REFUSED, "这张图片没有通过处理，请重新拍照上传"),
    "MEDIA_TRUNCATED": (K.REFUSED, "图片没有传完整，请重新上传"),
    "MEDIA_UNFIT": (K.REFUSED, "所选图片不能用在这里，请重新上传"),
    # codes (docs/protocol.md §1)
    "HALL_ENDED": (K.NOT_FOUND, "大屏链接已停用，请社区在管理台重新生成"),
    "POSTER_FAILED": (K.UNAVAILABLE, "海报没有印成，请稍后再试"),
    "POSTER_NOT_READY": (K.CONFLICT, "海报还在印，请隔几秒再取"),
    "POSTER_ROTATING": (K.REFUSED, "动态码不能印成海报，请用大屏展示"),
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
    "SCREEN_ENDED": (K.UNAUTHENTICATED, "大屏的展示已结束，请组织者重新打开"),
    "SCREEN_STATIC": (K.REFUSED, "这个码不会变化，请直接打印海报"),
    "QR_THROTTLED": (K.TOO_MANY, "无效的码扫得太多，请一分钟后再试"),
    # check-ins (docs/protocol.md §2, §3)
    "BAD_MESSAGE": (K.MALFORMED, "离线记录的格式不对，请更新小程序后重新上传"),
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
