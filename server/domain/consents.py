"""What a person is asked to agree to: one short text a purpose, versioned (docs/rules.md R7, mission row G5).

A text that changes gets a new version; who agreed to an older one is asked again before more of his data is collected.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.domain.people import ConsentChannel, Purpose
from server.domain.problems import Problem


@dataclass(frozen=True)
class ConsentText:
    """One purpose in plain words: why, which data, how long, and what the person may demand."""

    version: str
    title: str
    purpose: str
    data: str
    retention: str
    rights: str


_RIGHTS = "您可以随时在“我的”里查看、更正、导出或撤回；也可以请社区工作人员代办。撤回不影响撤回前已经做过的事。"
TEXTS: Mapping[Purpose, ConsentText] = {
    Purpose.SERVICE: ConsentText(
        "2026-01",
        "报到、服务记录与诉求",
        "由社区办理您的报到和您提出的诉求，并如实记下您参加的服务，用于回执和服务证明。",
        "姓名、手机号、党员类别、工作单位、居住社区（到楼栋，不含门牌号）、专长和可服务时间、参加服务的日期与时长；"
        "您提出的诉求（文字、图片、录音、到楼栋的地点），只给社区工作人员和办理期间的经办人看。",
        "报到结束一年后删除；诉求的文字在办结两年后删除，图片和录音半年后删除；服务记录保存到您注销为止。",
        _RIGHTS,
    ),
    Purpose.PARTY_DATA: ConsentText(
        "2026-01",
        "党组织信息",
        "核对您所在的党支部，只给本单位支部、本社区党务工作人员和县级组织部门查看。",
        "所在党支部的名称。",
        "报到结束一年后删除。",
        "这是敏感信息，不同意也可以报到和参加服务。" + _RIGHTS,
    ),
    Purpose.SHARE_UNIT: ConsentText(
        "2026-01",
        "向单位党组织报告",
        "把您在社区参加服务的情况提供给本单位党支部（双报告），不必再填一遍。",
        "参加服务的日期、活动名称、社区名称和时长；不提供住址、手机号和服务对象的情况。",
        "单位随时查看，不另外留存；撤回后单位立即看不到。",
        "不同意也可以报到和参加服务。" + _RIGHTS,
    ),
    Purpose.HONOUR: ConsentText(
        "2026-01",
        "公开表彰",
        "在社区光荣榜上公布您的姓名和事迹。",
        "姓名、参加的服务。",
        "公布期一年，撤回后立即撤下。",
        "不同意不影响任何服务和待遇。" + _RIGHTS,
    ),
    Purpose.WISHES: ConsentText(
        "2026-01",
        "微心愿",
        "把您的微心愿用化名公布出来，请热心的党员和单位认领；认领后由认领人与您联系。",
        "公布的只有化名和心愿内容，没有姓名、住址和电话；认领人在心愿完成前能看到您（孩子的心愿是监护人）的称呼和电话，每次查看都有记录。",
        "心愿完成或撤回后，认领人立即看不到联系方式；心愿内容保存到您注销为止。",
        "不同意不影响任何服务和待遇。孩子的心愿由监护人同意。" + _RIGHTS,
    ),
}


def check_version(purpose: Purpose, version: str) -> None:
    """Raise CONSENT_OUTDATED unless the person was shown the present text."""
    if version != TEXTS[purpose].version:
        raise Problem("CONSENT_OUTDATED", data={"version": TEXTS[purpose].version})


def check_witness(channel: ConsentChannel, *, given_by: int, witness: int | None) -> None:
    """Paper and spoken consent need somebody else who was there (R6). Raises WITNESS_REQUIRED."""
    if channel is not ConsentChannel.APP and witness in (None, given_by):
        raise Problem("WITNESS_REQUIRED")
