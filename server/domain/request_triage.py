"""What triage may say of a request: where something else belongs, and the level a matter usually starts on (mission row C2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from server.domain.requests import RequestLevel


class RejectChannel(StrEnum):
    """Who is the right one for what the community cannot do."""

    POLICE = "110"
    FIRE = "119"
    AMBULANCE = "120"
    TRAFFIC = "122"
    HOTLINE = "12345"
    LEGAL_AID = "12348"
    MARKET = "12315"
    LABOUR = "12333"
    PETITION = "petition"
    COURT = "court"
    PROPERTY = "property"
    UTILITY = "utility"
    NONE = "none"


@dataclass(frozen=True)
class Elsewhere:
    """A channel's name, and the sentence the requester reads."""

    name: str
    sentence: str


R = RejectChannel
ELSEWHERE: Mapping[RejectChannel, Elsewhere] = {
    R.POLICE: Elsewhere("110 报警", "这件事请马上拨打 110，由公安机关处理"),
    R.FIRE: Elsewhere("119 火警", "有火情或被困请马上拨打 119"),
    R.AMBULANCE: Elsewhere("120 急救", "有人受伤或发病请马上拨打 120"),
    R.TRAFFIC: Elsewhere("122 交通事故", "交通事故请拨打 122，由交警处理"),
    R.HOTLINE: Elsewhere("12345 政务热线", "这件事不归社区办理，请拨打 12345 政务服务热线"),
    R.LEGAL_AID: Elsewhere("12348 法律服务", "请拨打 12348 咨询律师或申请法律援助"),
    R.MARKET: Elsewhere("12315 消费投诉", "消费纠纷请拨打 12315，由市场监管部门处理"),
    R.LABOUR: Elsewhere("12333 人社热线", "工资、社保问题请拨打 12333 咨询"),
    R.PETITION: Elsewhere("信访部门", "这件事请向信访部门提出，社区可以告诉您地址"),
    R.COURT: Elsewhere("人民法院", "这件事需要通过诉讼解决，请向人民法院咨询立案"),
    R.PROPERTY: Elsewhere("物业公司", "这件事由物业公司负责，请先联系物业，物业不办再来找社区"),
    R.UTILITY: Elsewhere("水电气暖公司", "请拨打水、电、气、暖公司的抢修电话"),
    R.NONE: Elsewhere("无对应渠道", "这件事现在没有办法办理，原因请看说明"),
}
LEVEL_NAMES: Mapping[RequestLevel, str] = {
    RequestLevel.BUILDING: "楼栋",
    RequestLevel.GRID: "网格",
    RequestLevel.COMMUNITY: "社区",
    RequestLevel.STREET: "街道（镇）",
    RequestLevel.COUNTY: "区县",
}
