"""What posts, activities and teams are about (docs/rules.md §2): stable keys, and their Chinese names in one table each.

The classes of posts and teams are those communities print on their sign-up sheets; the activity classes are a service menu (服务菜单).
"""

from collections.abc import Mapping

from server.domain.tasks import TaskKind

POST_CATEGORIES: Mapping[str, str] = {
    "org_building": "组织建设",
    "legal_aid": "法律咨询与援助",
    "hardship_and_jobs": "助困扶残与就业援助",
    "governance": "社区治理",
    "health": "健康医疗",
    "culture_and_sport": "文化体育",
    "safety_patrol": "安全宣传与治安巡逻",
    "other": "其他",
}
ACTIVITY_CATEGORIES: Mapping[str, str] = {
    "party_education": "党员教育",
    "elder_care": "养老",
    "social_security": "社会保障",
    "veterans": "优抚",
    "safety": "安全防范",
    "hygiene": "卫生保健",
    "youth_education": "未成年人教育",
    "housekeeping": "家政",
    "migrants": "流动人口",
    "safe_community": "安全创建",
    "civil_groups": "培育民间组织",
    "mediation": "矛盾调解",
    "environment": "环境整治",
    "employment": "就业",
    "facilities": "停车与设施",
    "other": "其他",
}
TEAM_CATEGORIES: Mapping[str, str] = {
    "safety_watch": "安全巡查",
    "environment": "环境美化",
    "mediation": "矛盾调解",
    "companionship": "爱心陪护",
    "policy": "政策宣传",
    "party_lectures": "党课宣讲",
    "medical": "医疗卫生",
    "tutoring": "教育辅导",
    "legal_aid": "法律援助",
    "culture_clubs": "文体社团",
}
REQUEST_CATEGORIES: Mapping[str, str] = {
    "environment": "环境卫生",
    "repairs": "公共设施维修",
    "utilities": "水电气暖",
    "noise": "噪音扰民",
    "parking": "停车与通行",
    "safety": "消防与安全隐患",
    "order": "治安与纠纷",
    "property": "物业管理",
    "pets": "养犬与动物",
    "elder_care": "养老助老",
    "children": "儿童与教育",
    "hardship": "困难帮扶",
    "health": "看病与健康",
    "jobs": "就业创业",
    "legal": "法律咨询",
    "policy": "政策与证明",
    "culture": "文体活动",
    "other": "其他",
}
FIVE_HELPS: Mapping[str, str] = {"jobs": "助业", "medicine": "助医", "elders": "助老", "hardship": "助困", "study": "助学"}


def of_kind(kind: TaskKind) -> Mapping[str, str]:
    """The categories a post, or a task or activity, may have."""
    return POST_CATEGORIES if kind is TaskKind.POST else ACTIVITY_CATEGORIES


def listed(table: Mapping[str, str]) -> str:
    """A table as one line for the API's documentation: key 名称, key 名称 …"""
    return "，".join(f"{key} {name}" for key, name in table.items())
