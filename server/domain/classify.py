"""Which category do the words speak of? A table of words a category; the most hits win, the resident's own choice stands in doubt. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

KEYWORDS: Mapping[str, tuple[str, ...]] = {
    "environment": ("垃圾", "污水", "下水道", "臭", "杂物", "卫生", "打扫", "树枝", "花坛", "绿化", "蚊", "油烟", "小广告"),
    "repairs": ("路灯", "楼道灯", "电梯", "路面", "台阶", "扶手", "健身器材", "滑梯", "雨篷", "监控", "井盖", "漏水", "坏了", "维修"),
    "utilities": ("停水", "停电", "自来水", "水管", "水费", "电费", "暖气", "供暖", "燃气", "煤气", "天然气", "跳闸", "水压"),
    "noise": ("噪音", "吵", "扰民", "音乐声", "广场舞", "装修", "麻将", "烧烤"),
    "parking": ("停车", "车位", "车库", "道闸", "充电桩", "车棚", "堵车", "挪车"),
    "safety": ("消防", "火", "电动车充电", "飞线", "楼道充电", "坠落", "广告牌", "松动", "危险", "燃气味", "困人", "高空抛物"),
    "order": ("打架", "偷", "诈骗", "纠纷", "吵架", "邻居", "赔", "威胁"),
    "property": ("物业", "门禁", "保安", "物业费", "业委会", "维修基金"),
    "pets": ("狗", "猫", "遛", "拴绳", "牵绳", "犬", "动物"),
    "elder_care": ("老人", "独居", "助餐", "送饭", "陪护", "呼叫器", "养老", "老年"),
    "children": ("孩子", "作业", "托管", "幼儿", "上学", "学校", "留守儿童", "辅导"),
    "hardship": ("困难", "救助", "低保", "残疾", "轮椅", "补助", "捐"),
    "health": ("看病", "医生", "血压", "疫苗", "体检", "药", "住院", "康复"),
    "jobs": ("工作", "找活", "招聘", "培训班", "下岗", "失业", "创业"),
    "legal": ("律师", "起诉", "合同", "遗嘱", "继承", "法律", "借钱不还"),
    "policy": ("证明", "医保", "社保", "老年卡", "居住证", "政策", "报销", "户口", "怎么办理"),
    "culture": ("合唱", "舞蹈", "书法", "活动室", "图书", "棋", "演出"),
}


@dataclass(frozen=True)
class Guess:
    """A category and the words that speak for it."""

    category: str
    words: tuple[str, ...]


def guesses(text: str) -> tuple[Guess, ...]:
    """At most three categories, the best first: by the characters of all words found, then by the table's order."""
    found = [Guess(category, tuple(word for word in words if word in text)) for category, words in KEYWORDS.items()]
    hits = [guess for guess in found if guess.words]
    return tuple(sorted(hits, key=lambda guess: -sum(map(len, guess.words)))[:3])
