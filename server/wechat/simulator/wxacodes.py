"""Mini-program codes: the rules of the three endpoints, and pictures that an ordinary decoder reads (real codes none can)."""

import io
import re
from typing import Any
from urllib.parse import quote

import qrcode
from PIL import Image, ImageDraw, ImageFont
from qrcode.constants import ERROR_CORRECT_M

from server.wechat.simulator.envelope import Call
from server.wechat.simulator.world import Failure, World

SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]+")
ENVIRONMENTS = ("release", "trial", "develop")
PREFIX = "wxsim:"


def draw_unlimited(world: World, call: Call) -> bytes:
    """`POST /wxa/getwxacodeunlimit`: the code of a scene of at most 32 characters on a page of the released version."""
    scene, page = _read_scene(call), _read_page(world, call)
    return _draw(world, call, f"{page}?scene={quote(scene, safe='')}")


def draw_limited(world: World, call: Call) -> bytes:
    """`POST /wxa/getwxacode`: a path of at most 1024 characters; counts against the limit for life."""
    return _draw_counted(world, call, 1024)


def draw_square(world: World, call: Call) -> bytes:
    """`POST /cgi-bin/wxaapp/createwxaqrcode`: a path of at most 128 characters; counts against the same limit."""
    return _draw_counted(world, call, 128)


def _read_scene(call: Call) -> str:
    scene = call.body.get("scene")
    if not isinstance(scene, str) or not 1 <= len(scene) <= 32:
        raise Failure(40169)
    if not SCENE.fullmatch(scene):
        raise Failure(40129)
    return scene


def _read_page(world: World, call: Call) -> str:
    page = call.body.get("page") or world.settings.pages[0]
    if not isinstance(page, str):
        raise Failure(41030)
    if "scancode_time" in page:
        raise Failure(85096)
    if page.startswith("/") or "?" in page:
        raise Failure(41030)
    if call.body.get("check_path", True) is not False and page not in world.settings.pages:
        raise Failure(41030)
    return page


def _draw_counted(world: World, call: Call, longest: int) -> bytes:
    path = call.body.get("path")
    if not isinstance(path, str) or not 1 <= len(path) <= longest:
        raise Failure(40159)
    if "scancode_time" in path:
        raise Failure(85096)
    with world.lock:
        # The same parameters count once.
        mark = (call.path, repr(sorted(call.body.items(), key=str)))
        if mark not in world.drawn and len(world.drawn) >= world.settings.code_limit:
            raise Failure(45029)
        world.drawn.add(mark)
    return _draw(world, call, path)


def _draw(world: World, call: Call, target: str) -> bytes:
    environment, width = call.body.get("env_version", "release"), call.body.get("width", 430)
    if environment not in ENVIRONMENTS or isinstance(width, bool) or not isinstance(width, int) or not 280 <= width <= 1280:
        raise Failure(40097)
    ink = _read_colour(call.body)
    picture = paint(f"{PREFIX}{world.options.appid}/{environment}/{target}", width, ink)
    return _encode(picture, hyaline=call.body.get("is_hyaline") is True)


def _read_colour(body: dict[str, Any]) -> tuple[int, int, int]:
    colour = body.get("line_color")
    if colour is None:
        return (0, 0, 0)
    try:
        red, green, blue = (int(colour[part]) for part in "rgb")
    except (KeyError, TypeError, ValueError):
        raise Failure(40097) from None
    if not all(0 <= part <= 255 for part in (red, green, blue)):
        raise Failure(40097)
    return (red, green, blue)


def paint(content: str, width: int, ink: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """A square picture of `width` pixels: the QR of `content` above a band that says SIM."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
    code.add_data(content)
    matrix = code.get_matrix()
    band = width // 14
    scale = max((width - band) // len(matrix), 1)
    picture = Image.new("RGB", (width, width), "white")
    pen, left = ImageDraw.Draw(picture), (width - scale * len(matrix)) // 2
    for row, cells in enumerate(matrix):
        for column, dark in enumerate(cells):
            if dark:
                x, y = left + column * scale, row * scale
                pen.rectangle((x, y, x + scale - 1, y + scale - 1), fill=ink)
    pen.text((width / 2, width - band / 2 - 2), "SIM", fill=(200, 0, 0), font=ImageFont.load_default(band), anchor="mm")
    return picture


def _encode(picture: Image.Image, *, hyaline: bool) -> bytes:
    out = io.BytesIO()
    if hyaline:
        clear = picture.convert("RGBA")
        clear.putalpha(picture.convert("L").point(lambda level: 0 if level > 250 else 255))
        clear.save(out, "PNG")
    else:
        picture.save(out, "JPEG", quality=90)
    return out.getvalue()
