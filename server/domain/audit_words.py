"""How the audit log's terms are shown to people; what has no word here is shown as it is written."""

from __future__ import annotations

from collections.abc import Mapping

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
    "accept": "接收", "add_shift": "加班次", "admit": "接纳", "answer": "答复", "approve": "同意", "archive": "归档", "arrive": "到场",
    "ask": "申请", "ask_again": "追问", "audit_verify": "核验链条", "bind": "绑定", "call": "打电话", "cancel": "取消", "change": "修改",
    "claim": "认领", "close": "结束", "collect": "收集", "confirm": "确认", "contact": "联系", "correct": "更正", "count": "计票",
    "create": "新建", "decline": "不同意", "dispatch": "派单", "draft": "起草", "edit": "修改", "end": "终止", "escalate": "升级",
    "extend": "延期", "finish": "办结", "fulfil": "实现", "give": "同意使用信息", "grant": "授权", "import": "导入", "issue": "开具",
    "keys_add": "添加新密钥", "keys_promote": "启用新密钥", "keys_reseal": "重新加密", "keys_retire": "停用旧密钥", "leave": "退出",
    "lock": "锁定", "merge": "合并", "miss": "错过", "offer": "请人代替", "open": "打开", "pause": "暂停", "phone": "改手机号",
    "publish": "发布", "queue": "交付打印", "read_contact": "查看联系方式", "read_phone": "查看手机号", "reject": "不予受理",
    "release": "放回", "report": "回报", "request": "申请", "reset": "重置密码", "resume": "恢复办理", "return": "退回", "revoke": "作废",
    "scan": "扫码", "send_receipt": "发出回执", "set": "设定", "sign_in": "登录", "sign_in_failed": "登录失败", "split": "拆分",
    "start": "开始", "submit": "提交", "supplement": "补充", "transfer": "转移", "triage": "研判", "undo": "撤销", "unmerge": "撤销合并",
    "upload": "上传", "verify": "核实", "visit": "上门", "void": "作废", "whistle": "吹哨", "withdraw": "撤回",
}  # fmt: skip


def subject_name(kind: str) -> str:
    """The word for a kind of subject."""
    return SUBJECTS.get(kind, kind)


def action_name(action: str) -> str:
    """The word for an action."""
    return ACTIONS.get(action, action)
