"""The phone's camera: what wx.scanCode returns inside the mini-program, and what WeChat's own scanner opens."""

import base64
import binascii
import io
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import zxingcpp
from PIL import Image

from server.wechat.simulator import links
from server.wechat.simulator.world import Refused, World, now
from server.wechat.simulator.wxacodes import PREFIX

WX_CODE_SCENE = 1047


def scan(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """The wx.scanCode object of a picture or text. `path` only for this mini-program's own code: on ios percent-encoded, on android raw."""
    content = _read(given)
    if content is None:
        return {"errMsg": "scanCode:fail"}
    head = {"charSet": "UTF-8", "rawData": base64.b64encode(content.encode()).decode(), "errMsg": "scanCode:ok"}
    if not content.startswith(PREFIX):
        return {"result": content, "scanType": "QR_CODE", **head}
    path = _own_path(world, content)
    if path is None:
        return {"result": "", "scanType": "WX_CODE", **head}
    return {"result": "", "scanType": "WX_CODE", "path": path if given.get("platform") == "ios" else unquote(path), **head}


def open_code(world: World, given: dict[str, Any]) -> dict[str, Any]:
    """What WeChat's own scanner opens: a page with its query, the browser, a text, or nothing."""
    content = _read(given)
    if content is None:
        return {"opens": "nothing"}
    if content.startswith(PREFIX):
        path = _own_path(world, content)
        return {"opens": "nothing"} if path is None else _own_opening(path)
    if not content.lower().startswith(("http://", "https://")):
        return {"opens": "text", "text": content}
    return links.opening(world.settings.link_rules, content, now(world))


def decode(picture: bytes) -> str | None:
    """The text of the first code in a picture, from its pixels; None when there is none."""
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            clear = opened.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    paper = Image.new("RGBA", clear.size, "white")
    paper.alpha_composite(clear)
    found = zxingcpp.read_barcodes(paper.convert("L"))
    return str(found[0].text) if found else None


def _read(given: dict[str, Any]) -> str | None:
    if isinstance(given.get("text"), str):
        return str(given["text"])
    if isinstance(given.get("bytes"), bytes):
        return decode(given["bytes"])
    try:
        return decode(base64.b64decode(given["png"], validate=True))
    except (KeyError, TypeError, binascii.Error):
        raise Refused("nothing_to_scan", "请给出 text，或 base64 的 png，或直接以图片字节作为正文。") from None


def _own_path(world: World, content: str) -> str | None:
    appid, _, rest = content.removeprefix(PREFIX).partition("/")
    return rest.partition("/")[2] if appid == world.options.appid else None


def _own_opening(path: str) -> dict[str, Any]:
    page, _, query = path.partition("?")
    values = {name: quote(value, safe="") for name, value in parse_qsl(query, keep_blank_values=True)}
    return {"opens": "page", "scene": WX_CODE_SCENE, "page": page, "query": values}
