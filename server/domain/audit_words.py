"""How the audit log's terms are shown to people; what has no word here is shown as it is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from server.domain.consents import TEXTS
from server.domain.documents import DOCUMENT_NAMES
from server.domain.feedbacks import FEEDBACK_STATE_NAMES
from server.domain.handling import CARE_PLAN_STATE_NAMES, EXTENSION_STATE_NAMES, MEDIATION_STATE_NAMES, STATION_STATE_NAMES
from server.domain.people import BindingState
from server.domain.permissions import ROLE_NAMES
from server.domain.records import RECORD_STATE_NAMES
from server.domain.registrations import MEMBER_STATE_NAMES, TRANSFER_STATE_NAMES, UNIT_STATE_NAMES
from server.domain.request_desk import OFFER_STATE_NAMES, REQUEST_STATE_NAMES
from server.domain.reviews import REVIEW_STATE_NAMES
from server.domain.tasks import CLAIM_STATE_NAMES, TASK_STATE_NAMES
from server.domain.wishes import WISH_STATE_NAMES

SUBJECTS: Mapping[str, str] = {
    "ballot_cell": "评价",
    "binding_request": "身份核对申请",
    "callback": "回访",
    "care_plan": "关爱计划",
    "claim": "认领",
    "code": "二维码",
    "consent": "同意书",
    "desk_sign_in": "扫码登录",
    "document": "回执与证明",
    "export": "导出",
    "feedback": "投诉建议",
    "hall_link": "大屏链接",
    "media": "图片和录音",
    "mediation": "调解",
    "member_registration": "党员报到",
    "operation": "系统操作",
    "org_node": "组织",
    "person": "人",
    "person_merge": "合并两个人",
    "policy": "规则与限额",
    "poster_print": "打印海报",
    "request": "诉求",
    "request_extension": "延期申请",
    "request_offer": "派单",
    "request_sign_off": "签收",
    "review_panel": "评价例会",
    "role_grant": "角色",
    "roster_entry": "名册条目",
    "roster_import": "名册导入",
    "screen": "动态码大屏",
    "service_record": "服务记录",
    "shift": "班次",
    "staff_login": "登录名",
    "station": "站点",
    "task": "岗位与活动",
    "transfer": "转出转入",
    "unit": "单位",
    "unit_registration": "单位报到",
    "volunteer_team": "志愿队伍",
    "wish": "微心愿",
}
ACTIONS: Mapping[str, str] = {
    "accept": "接收", "add_shift": "加班次", "admit": "接纳", "agree": "达成一致", "annul": "取消转接", "answer": "答复",
    "approve": "同意", "approve_explanation": "同意说明结案", "archive": "归档", "arrive": "到场", "ask": "申请", "ask_again": "追问",
    "audit_verify": "核验链条", "bind": "绑定", "call": "打电话", "call_off": "不开了", "cancel": "取消", "change": "修改",
    "claim": "认领", "close": "结束", "collect": "收集", "confirm": "确认", "contact": "联系", "correct": "更正", "count": "计票",
    "create": "新建", "decline": "不同意", "describe": "补充个人情况", "direct": "上级派单", "dispatch": "派单", "dispute": "提出异议",
    "draft": "起草", "dun": "催办", "edit": "修改", "end": "终止", "enrol": "绑定验证器", "enter_slips": "录入选票",
    "enter_volunteer": "代为报名", "escalate": "升级", "excuse": "请假", "explain": "说明办不了", "extend": "延期", "fail": "没有谈成",
    "fetch": "下载", "finish": "办结", "float": "转为流动", "fold": "归到同一次", "fulfil": "实现", "give": "同意使用信息",
    "give_back_slip": "收回选票", "grant": "授权", "hand_on": "接着为他人办", "hand_out_slip": "发出选票", "hand_over": "交给别人",
    "hand_up": "交上级答复", "import": "导入", "issue": "开具", "keys_add": "添加新密钥", "keys_promote": "启用新密钥",
    "keys_reseal": "重新加密", "keys_retire": "停用旧密钥", "lapse": "失效", "leave": "退出", "lock": "锁定", "mark_no_show": "登记未到",
    "merge": "合并", "miss": "错过", "move": "申请转出", "move_back": "转出未成", "moved": "转出完成", "new_codes": "换恢复码",
    "next_round": "转入下一轮", "offer": "请人代替", "open": "打开", "open_vote": "开始投票", "pass_content": "内容通过", "pause": "暂停",
    "phone": "改手机号", "print_slips": "打印选票", "publish": "发布", "queue": "交付打印", "read_contact": "查看联系方式",
    "read_names": "查看名单", "read_phone": "查看手机号", "redo": "重新办理", "refer": "转法院或仲裁", "refuse": "不批准",
    "refuse_content": "内容不通过", "refuse_explanation": "不同意说明结案", "refuse_offer": "不接派单", "reject": "不予受理",
    "release": "放回", "report": "回报", "request": "申请", "reset": "重置密码", "resubmit": "重新提交", "resume": "恢复办理",
    "retire": "转为离退休", "return": "退回", "revoke": "作废", "scan": "扫码", "select": "选定评议员", "send_again": "要求再办",
    "send_back": "退回补充", "send_receipt": "发出回执", "set": "设定", "sign_in": "登录", "sign_in_failed": "登录失败",
    "sign_off": "签收", "slips": "录入评分", "split": "拆分", "start": "开始", "submit": "提交", "supplement": "补充",
    "take_back_volunteer": "退出报名", "take_up": "本级自己办", "tell": "念给本人", "time_out": "联系不上，先办结", "transfer": "转移",
    "triage": "研判", "type_out": "写成文字", "undo": "撤销", "undo_no_show": "撤销未到", "unmerge": "撤销合并", "uphold": "维持原记录",
    "upload": "上传", "verify": "核实", "visit": "上门", "void": "作废", "whistle": "吹哨", "withdraw": "撤回",
}  # fmt: skip

BINDINGS = {
    BindingState.SUBMITTED: "等待核对",
    BindingState.ACCEPTED: "已对上",
    BindingState.RETURNED: "已退回",
    BindingState.WITHDRAWN: "已撤回",
}
STATES: Mapping[str, Mapping[Any, str]] = {
    "binding_request": BINDINGS,
    "callback": {"reached": "打通", "not_reached": "没有打通"},
    "document": DOCUMENT_NAMES,
    "care_plan": CARE_PLAN_STATE_NAMES,
    "claim": CLAIM_STATE_NAMES,
    "consent": {purpose: text.title for purpose, text in TEXTS.items()},
    "feedback": FEEDBACK_STATE_NAMES,
    "mediation": MEDIATION_STATE_NAMES,
    "member_registration": MEMBER_STATE_NAMES,
    "request": REQUEST_STATE_NAMES,
    "request_extension": EXTENSION_STATE_NAMES,
    "request_offer": OFFER_STATE_NAMES,
    "review_panel": REVIEW_STATE_NAMES,
    "role_grant": ROLE_NAMES,
    "service_record": RECORD_STATE_NAMES,
    "desk_sign_in": {"scan": "扫码"},
    "staff_login": {"own": "本人", "password": "用密码"},
    "station": STATION_STATE_NAMES,
    "task": TASK_STATE_NAMES,
    "transfer": TRANSFER_STATE_NAMES,
    "unit_registration": UNIT_STATE_NAMES,
    "wish": WISH_STATE_NAMES,
}


def subject_name(kind: str) -> str:
    """The word for a kind of subject."""
    return SUBJECTS.get(kind, kind)


def action_name(action: str) -> str:
    """The word for an action."""
    return ACTIONS.get(action, action)


def state_name(kind: str, state: str | None) -> str:
    """The word for the state, role or purpose a subject of this kind went into; nothing where there is none."""
    return STATES.get(kind, {}).get(state or "", state or "")
