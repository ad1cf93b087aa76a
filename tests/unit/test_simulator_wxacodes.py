"""Mini-program codes, the camera and ordinary links of the simulator, read back from pixels (docs/simulator.md)."""

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from server.wechat.simulator import links
from server.wechat.simulator.constants import APPID
from tests.unit.simulated import START, Bench, make_bench

UNLIMITED, LIMITED, SQUARE = "/wxa/getwxacodeunlimit", "/wxa/getwxacode", "/cgi-bin/wxaapp/createwxaqrcode"
SCAN = "pages/scan/scan"


def draw(bench: Bench, path: str = UNLIMITED, /, **body: Any) -> bytes:
    response = bench.post_raw(path, json.dumps(body).encode())
    assert response.headers["Content-Type"] == "image/jpeg"
    return bytes(response.data)


def scan(bench: Bench, picture: bytes, platform: str = "android") -> Any:
    return bench.client.post(f"/__sim__/scan?platform={platform}", data=picture, content_type="image/jpeg").get_json()


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"scene": ""}, 40169),
        ({}, 40169),
        ({"scene": "a" * 33}, 40169),
        ({"scene": 7}, 40169),
        ({"scene": "a%b"}, 40129),
        ({"scene": "报到"}, 40129),
        ({"scene": "a", "page": "pages/nowhere/nowhere"}, 41030),
        ({"scene": "a", "page": "/pages/scan/scan"}, 41030),
        ({"scene": "a", "page": "pages/scan/scan?x=1", "check_path": False}, 41030),
        ({"scene": "a", "page": "pages/scan/scan?scancode_time=1"}, 85096),
        ({"scene": "a", "env_version": "beta"}, 40097),
        ({"scene": "a", "width": 279}, 40097),
        ({"scene": "a", "width": 1281}, 40097),
        ({"scene": "a", "line_color": {"r": 300, "g": 0, "b": 0}}, 40097),
    ],
)
def test_wrong_arguments(body: dict[str, Any], errcode: int) -> None:
    assert make_bench().post(UNLIMITED, **body)["errcode"] == errcode


def test_the_unlimited_code_has_its_minute_quota() -> None:
    bench = make_bench(quotas={UNLIMITED: [["minute", 1, 45009]]})
    assert draw(bench, scene="a").startswith(b"\xff\xd8\xff")
    assert bench.post(UNLIMITED, scene="a")["errcode"] == 45009


@pytest.mark.parametrize("width", [280, 430, 1280])
@pytest.mark.parametrize("hyaline", [False, True])
def test_a_code_is_read_back_from_its_pixels(width: int, hyaline: bool) -> None:
    bench, scene = make_bench(), "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    picture = draw(bench, scene=scene, page=SCAN, width=width, is_hyaline=hyaline)
    assert picture.startswith(b"\x89PNG" if hyaline else b"\xff\xd8\xff")
    assert Image.open(io.BytesIO(picture)).size == (width, width)
    found = scan(bench, picture)
    assert (found["scanType"], found["path"], found["result"]) == ("WX_CODE", f"{SCAN}?scene={scene}", "")
    assert base64.b64decode(found["rawData"]).decode() == f"wxsim:{APPID}/release/{SCAN}?scene={scene}"


def test_the_sim_mark_is_visible() -> None:
    picture = Image.open(io.BytesIO(draw(make_bench(), scene="a", width=430))).convert("RGB")
    band = picture.crop((0, 390, 430, 430))
    red = sum(1 for x in range(band.width) for y in range(band.height) if _is_red(band.getpixel((x, y))))
    assert red > 100


def _is_red(pixel: Any) -> bool:
    return bool(pixel[0] > 150 and pixel[1] < 80 and pixel[2] < 80)


def test_ios_keeps_the_scene_encoded_and_android_does_not() -> None:
    bench = make_bench()
    picture = draw(bench, scene="id=178&x=1", page=SCAN, env_version="trial")
    assert scan(bench, picture, "ios")["path"] == f"{SCAN}?scene=id%3D178%26x%3D1"
    assert scan(bench, picture, "android")["path"] == f"{SCAN}?scene=id=178&x=1"


def test_an_omitted_page_is_home_and_a_skipped_check_takes_any() -> None:
    bench = make_bench()
    assert scan(bench, draw(bench, scene="a"))["path"] == "pages/index/index?scene=a"
    assert scan(bench, draw(bench, scene="a", page="pages/new/new", check_path=False))["path"] == "pages/new/new?scene=a"


@pytest.mark.parametrize(("path", "longest"), [(LIMITED, 1024), (SQUARE, 128)])
def test_limited_codes_have_a_longest_path(path: str, longest: int) -> None:
    bench = make_bench()
    assert bench.post(path, path="p" * (longest + 1))["errcode"] == 40159
    assert bench.post(path, path="")["errcode"] == 40159
    assert draw(bench, path, path="p" * 100).startswith(b"\xff\xd8\xff")


def test_limited_codes_share_one_limit_and_the_same_counts_once() -> None:
    bench = make_bench(code_limit=2)
    draw(bench, LIMITED, path="pages/a/a")
    draw(bench, SQUARE, path="pages/a/a")
    draw(bench, LIMITED, path="pages/a/a")
    assert bench.post(LIMITED, path="pages/b/b")["errcode"] == 45029
    assert bench.post(SQUARE, path="pages/b/b")["errcode"] == 45029


def test_scanning_other_things() -> None:
    bench = make_bench()
    url = bench.device("scan", {"text": "https://gj.example/c/abc"})
    assert (url["result"], url["scanType"], url["errMsg"]) == ("https://gj.example/c/abc", "QR_CODE", "scanCode:ok")
    assert "path" not in url
    assert "path" not in bench.device("scan", {"text": "wxsim:wxsimother/release/pages/a/a?scene=x"})
    blank = io.BytesIO()
    Image.new("RGB", (200, 200), "white").save(blank, "PNG")
    assert bench.device("scan", {"png": base64.b64encode(blank.getvalue()).decode()}) == {"errMsg": "scanCode:fail"}
    assert scan(bench, b"not a picture") == {"errMsg": "scanCode:fail"}
    assert bench.client.post("/__sim__/scan", json={}).status_code == 400


def test_wechats_own_scanner_opens_the_page_with_an_encoded_scene() -> None:
    bench = make_bench()
    opened = bench.client.post("/__sim__/open", data=draw(bench, scene="a=1", page=SCAN), content_type="image/jpeg").get_json()
    assert opened == {"opens": "page", "scene": 1047, "page": SCAN, "query": {"scene": "a%3D1"}}
    assert bench.device("open", {"text": "wxsim:wxsimother/release/pages/a/a"}) == {"opens": "nothing"}
    assert bench.device("open", {"text": "你好"}) == {"opens": "text", "text": "你好"}


def test_an_ordinary_link_opens_its_page_with_q_encoded_once() -> None:
    bench = make_bench(link_rules=[{"rule": "https://gj.example/c/", "page": SCAN}])
    opened = bench.device("open", {"text": "https://gj.example/c/AB?x=1"})
    assert opened["page"] == SCAN
    assert opened["query"] == {"q": "https%3A%2F%2Fgj.example%2Fc%2FAB%3Fx%3D1", "scancode_time": str(START)}
    assert bench.device("open", {"text": "https://other.example/c/AB"}) == {"opens": "browser", "url": "https://other.example/c/AB"}


@pytest.mark.parametrize(
    ("rule", "url", "opens"),
    [
        ("https://a.example/c/", "https://a.example/c/x/y", True),
        ("https://a.example/c", "https://a.example/c", True),
        ("https://a.example/c", "https://a.example/c/x", False),
        ("https://a.example/c/", "http://a.example/c/x", False),
        ("https://a.example/c/", "https://b.example/c/x", False),
        ("https://a.example/c/", "https://a.example/d/x", False),
        ("https://a.example/c?id=1", "https://a.example/c?id=12", True),
        ("https://a.example/c?id=1", "https://a.example/c?id=2", False),
    ],
)
def test_link_rules(rule: str, url: str, opens: bool) -> None:
    assert (links.match([{"rule": rule, "page": SCAN}], url) is not None) is opens


def test_an_unpublished_longer_rule_shadows_a_published_shorter_one() -> None:
    long = {"rule": "https://a.example/c/x/", "page": "new", "released": False, "test_links": ["https://a.example/c/x/1"]}
    rules = [{"rule": "https://a.example/c/", "page": "old"}, long]
    assert links.match(rules, "https://a.example/c/x/2") is None
    assert links.match(rules, "https://a.example/c/x/1") == long
    assert links.match(rules, "https://a.example/c/y") == rules[0]
