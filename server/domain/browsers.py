"""How a browser is told to the person who signs it in: by words of ours alone, never by what it sent (docs/protocol.md §1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address

# The first that fits; browsers name one another's engines, so the rarer word stands first.
SYSTEMS: Sequence[tuple[str, str]] = (
    (r"HarmonyOS|OpenHarmony", "鸿蒙"),
    (r"Android", "安卓"),
    (r"iPhone|iPad|iPod", "苹果手机或平板"),
    (r"Windows", "Windows"),
    (r"UOS|Uniontech", "统信"),
    (r"Kylin", "麒麟"),
    (r"Macintosh|Mac OS X", "苹果电脑"),
    (r"Linux|X11", "Linux"),
)
BROWSERS: Sequence[tuple[str, str]] = (
    (r"MicroMessenger", "微信"),
    (r"DingTalk", "钉钉"),
    (r"360SE|360EE|QIHU", "360"),
    (r"QQBrowser", "QQ 浏览器"),
    (r"UBrowser|UCBrowser", "UC"),
    (r"Edg(e|A|iOS)?/", "Edge"),
    (r"Firefox/|FxiOS/", "火狐"),
    (r"Chrome/|CriOS/|Chromium/", "谷歌浏览器"),
    (r"Safari/", "Safari"),
)
LONGEST = 512


def label(user_agent: str) -> str:
    """`Windows · Edge`; what is not in the tables is said to be unknown."""
    text = user_agent[:LONGEST]
    return f"{_first(SYSTEMS, text, '不认识的系统')} · {_first(BROWSERS, text, '不认识的浏览器')}"


def network(address: str | None) -> str:
    """The coarse part of an address: `203.0.*.*`. Who sits behind one router shares it, so it is a hint and no proof."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "未知网络"
    found = getattr(found, "ipv4_mapped", None) or found
    if found.is_loopback:
        return "本机"
    parts = str(found).split(".") if isinstance(found, IPv4Address) else found.exploded.split(":")
    coarse = f"{parts[0]}.{parts[1]}.*.*" if isinstance(found, IPv4Address) else f"{parts[0]}:{parts[1]}:*"
    return f"内网 {coarse}" if found.is_private else coarse


def _first(table: Sequence[tuple[str, str]], text: str, otherwise: str) -> str:
    return next((name for pattern, name in table if re.search(pattern, text, re.IGNORECASE)), otherwise)
