"""Codes, posters and documents, read back from their pixels."""

import base64
import io
import random
from dataclasses import replace

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageChops, ImageFilter, ImageStat

from qr import documents, posters
from qr.bitmaps import data_uri, link
from qr.documents import Document
from qr.images import printable, qr_png, width_of
from qr.posters import Poster
from qr.tokens import KeyRing, Kind, Mode, RingKey, mint, read
from qr.typesetting import fit, wrap

BASE = "https://gj.example.gov.cn"
RING = KeyRing("demo", {1: RingKey(bytes(range(32)), "sign")})
BOX = 3  # pixels a module, the smallest size the issue asks for


def fifty_links():
    chance = random.Random(20260305)
    for _ in range(50):
        token = mint(
            RING,
            mode=Mode.ROTATING,
            kind=chance.choice([Kind.TASK, Kind.ACTIVITY, Kind.PERSON]),
            epoch=chance.randrange(256),
            obj=chance.randrange(1 << 40),
            slot=chance.randrange(1 << 32),
        )
        yield link(BASE, token)


LINKS = list(fifty_links())
LINK = LINKS[0]


def seen(image):
    """What a phone makes of the pixels: the texts of all codes in the picture."""
    return [found.text for found in zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)]


def test_a_bitmap_of_one_pixel_a_module_is_read_when_it_is_enlarged():
    for text in LINKS[:10]:
        uri = data_uri(text)
        assert len(uri) < 900
        small = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
        assert small.mode == "1"
        assert seen(small.resize((small.width * BOX, small.height * BOX), Image.Resampling.NEAREST).convert("L")) == [text]


def as_is(image):
    return image


def rotated(image):
    return image.rotate(15, Image.Resampling.BICUBIC, expand=True, fillcolor=255)


def blurred(image):
    return image.filter(ImageFilter.GaussianBlur(0.25 * BOX))


def jpeg(image):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=40)
    return Image.open(out)


def leaning(image):
    """The code on a wall seen from 20° to the side, from two and a half code widths away."""
    side = image.width
    tilt, distance = 0.3420201433, 2.5 * side  # sin 20°
    cosine = 0.9396926208
    corners = []
    for x, y in [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5)]:
        depth = distance / (distance + x * side * tilt)
        corners.append((side * (0.5 + x * cosine * depth), side * (0.5 + y * depth)))
    shift = [(x + side * 0.1, y + side * 0.1) for x, y in corners]
    wanted = [(0, 0), (0, side), (side, side), (side, 0)]
    size = round(side * 1.2)
    return image.transform((size, size), Image.Transform.PERSPECTIVE, perspective(shift, wanted), Image.Resampling.BICUBIC, fillcolor=255)


def perspective(seen_at, drawn_at):
    """The eight coefficients that take each point seen to the point drawn (Gauss–Jordan on the 8 × 8 system)."""
    rows = []
    for (x, y), (u, v) in zip(seen_at, drawn_at, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y, u])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y, v])
    for place in range(8):
        best = max(range(place, 8), key=lambda row: abs(rows[row][place]))
        rows[place], rows[best] = rows[best], rows[place]
        rows[place] = [value / rows[place][place] for value in rows[place]]
        for row in range(8):
            if row != place:
                times = rows[row][place]
                rows[row] = [one - times * other for one, other in zip(rows[row], rows[place], strict=True)]
    return [row[8] for row in rows]


@pytest.mark.parametrize("ecc", ["M", "Q"])
@pytest.mark.parametrize("seen_through", [as_is, rotated, leaning, blurred, jpeg])
def test_fifty_tokens_read_back_at_three_pixels_a_module(seen_through, ecc):
    read_back = [seen(seen_through(qr_png(text, box=BOX, ecc=ecc))) for text in LINKS]
    assert read_back == [[text] for text in LINKS]
    assert all(read(RING, text).kid == 1 for (text,) in read_back)


def test_perspective_really_distorts():
    seen_square = ImageChops.invert(leaning(Image.new("L", (300, 300), 0)))
    left, _, right, _ = seen_square.getbbox()
    near, far = (seen_square.crop((x, 0, x + 4, 360)).getbbox() for x in (left, right - 4))
    assert right - left < 290
    assert (near[3] - near[1]) - (far[3] - far[1]) > 30


def test_a_blank_picture_reads_as_nothing():
    assert seen(Image.new("L", (300, 300), 255)) == []


@pytest.mark.parametrize(("ecc", "modules"), [("L", 29), ("M", 33), ("Q", 37), ("H", 41)])
def test_size_and_quiet_zone(ecc, modules):
    picture = qr_png(LINK, box=2, ecc=ecc)
    assert picture.size == ((modules + 8) * 2, (modules + 8) * 2)
    assert ImageChops.invert(picture).getbbox() == (8, 8, (modules + 4) * 2, (modules + 4) * 2)
    assert set(picture.tobytes()) == {0, 255}


def test_box_must_be_a_pixel():
    with pytest.raises(ValueError, match="box"):
        qr_png(LINK, box=0)


def test_link_has_one_slash():
    assert link(BASE + "/", "T") == link(BASE, "T") == "https://gj.example.gov.cn/q/T"


POSTER = Poster(
    title="老旧小区楼道清理志愿服务",
    place="示例社区 3 号楼东侧小广场",
    purpose="扫码签到：记下您到了，服务结束再扫一次",
    steps=("打开微信，对准二维码", "看到“签到成功”再开始服务", "结束时再扫一次，由组织者确认时长"),
    link=LINK,
    issuer="示例街道示例社区党委",
    serial="HD-2026-0305-017",
)
LONG = replace(
    POSTER,
    title="“双报到、双服务、双报告”在职党员进社区暨2026年春季爱国卫生运动集中行动日",
    place="示例市示例区示例街道示例社区党群服务中心一楼大厅（示例路118号，公交12路示例站下车向东200米）",
    purpose="扫码签到：只记录您到过现场，不记录您的位置，不会打扰您" * 2,
    steps=("打开微信，点右上角“＋”，选“扫一扫”，再对准二维码等一会儿",) * 5,
    issuer="示例市示例区示例街道示例社区党群服务中心联合委员会" * 2,
    serial="HD-" + "2026" * 6,
)
BARE = replace(POSTER, title="报到", place="", steps=(), purpose="扫码报到", help="", serial="1")
EVERY = pytest.mark.parametrize("poster", [POSTER, LONG, BARE], ids=["usual", "long", "bare"])


def opened(data):
    image = Image.open(io.BytesIO(data))
    assert image.format == "PNG"
    return image


def pages(data, scale=2.0):
    """Each page of a PDF as (picture, text, size in points)."""
    with pypdfium2.PdfDocument(data) as file:
        found = []
        for page in file:
            text = page.get_textpage()
            found.append((page.render(scale=scale).to_pil(), text.get_text_bounded(), page.get_size()))
            text.close()
            page.close()
    return found


@EVERY
def test_phone_poster(poster):
    image = opened(posters.png_phone(poster))
    assert image.size == (1080, 1920)
    assert seen(image) == [LINK]
    assert seen(image.resize((360, 640), Image.Resampling.BILINEAR)) == [LINK]


@EVERY
def test_a4_picture(poster):
    image = opened(posters.png_a4(poster))
    assert image.size == (1654, 2339)
    assert [round(dots) for dots in image.info["dpi"]] == [200, 200]
    assert seen(image) == [LINK]


@EVERY
@pytest.mark.parametrize(("paper", "points"), [("A4", (595, 842)), ("A3", (842, 1191))])
def test_pdf(poster, paper, points):
    ((image, text, size),) = pages(posters.pdf(poster, paper))
    assert [round(length) for length in size] == list(points)
    assert seen(image) == [LINK]
    assert "微信扫一扫" in text
    assert printable(poster.purpose)[:8] in text


@pytest.mark.parametrize("make", [posters.png_phone, posters.png_a4])
@EVERY
def test_nothing_is_drawn_in_the_margins(make, poster):
    image = ImageChops.invert(opened(make(poster)).convert("L"))
    left, top, right, bottom = image.getbbox()
    least = image.width * 12 // 210
    assert min(left, top, image.width - right, image.height - bottom) >= least


@EVERY
def test_parts_of_a_poster_keep_apart(poster):
    """Between header, title, code, call, steps and footer there are bands of pure white."""
    image = ImageChops.invert(opened(posters.png_phone(poster)).convert("L"))
    rows = [ImageStat.Stat(image.crop((0, y, image.width, y + 1))).extrema[0][1] > 0 for y in range(image.height)]
    runs = "".join("x" if row else "." for row in rows).split("x")
    wide = [len(run) for run in runs if len(run) >= 40]
    assert len(wide) >= (7 if poster.steps else 6)  # two margins and the gaps between


def test_many_pages_with_progress():
    told = []
    some = [replace(POSTER, link=text, title=f"第{place}号海报") for place, text in enumerate(LINKS[:5])]
    data = posters.pdf_many(some, "A4", lambda done, total: told.append((done, total)))
    found = pages(data)
    assert [seen(image) for image, _, _ in found] == [[text] for text in LINKS[:5]]
    assert all(f"第{place}号海报" in text for place, (_, text, _) in enumerate(found))
    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_no_poster_is_no_pdf():
    with pytest.raises(ValueError, match="no posters"):
        posters.pdf_many([])


def test_the_same_poster_is_the_same_bytes():
    assert posters.pdf(POSTER) == posters.pdf(POSTER)
    assert posters.png_phone(POSTER) == posters.png_phone(POSTER)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_mini_program_code_takes_the_place_of_the_link(form):
    out = io.BytesIO()
    qr_png("pages/scan/index?scene=X", box=8).save(out, form)
    poster = replace(POSTER, picture=out.getvalue())
    assert seen(opened(posters.png_phone(poster))) == ["pages/scan/index?scene=X"]
    assert seen(pages(posters.pdf(poster))[0][0]) == ["pages/scan/index?scene=X"]


DIRT = ["\x00\x1b[31m", "\u202e", "\r\n\t", "😀", "\u200b", "\ufeff", "\ud800"]


@pytest.mark.parametrize("dirt", DIRT)
def test_dirt_in_a_title_is_not_drawn(dirt):
    dirty = printable("老旧小区" + dirt + "楼道")
    assert dirty.replace("[31m", "").replace(" ", "") == "老旧小区楼道"


def test_dirty_posters_are_drawn_like_clean_ones():
    dirty = replace(POSTER, title="".join(DIRT) + POSTER.title, issuer=POSTER.issuer + "\u202e\x00", help="\x07")
    clean = replace(POSTER, title=printable(dirty.title), help="")
    assert posters.png_phone(dirty) == posters.png_phone(clean)
    assert posters.pdf(dirty) == posters.pdf(clean)


def test_a_letter_without_a_glyph_leaves_a_mark():
    assert printable("张\U00020bb7 三") == "张〓 三"


def test_empty_texts_do_not_break_a_poster():
    empty = Poster(title="", place="", purpose="", steps=("",), link=LINK, issuer="", serial="")
    assert seen(opened(posters.png_phone(empty))) == [LINK]
    assert seen(pages(posters.pdf(empty))[0][0]) == [LINK]


CERTIFICATE = Document(
    kind="certificate",
    title="志愿服务证明",
    lines=("张三同志：", "您于2026年3月在示例社区参加志愿服务4次，累计6小时30分钟。", "特此证明。"),
    serial="ZM-2026-000123",
    link=LINK,
    issuer="示例街道示例社区党委",
    date_text="2026年4月1日",
)
RECEIPT = replace(
    CERTIFICATE,
    kind="receipt",
    title="在职党员到社区报到回执",
    lines=("单位：示例市示例区市场监督管理局机关党委第三党支部", "报到人数：23人", "已审核接收。"),
)
CROWDED = [
    replace(CERTIFICATE, lines=("服务内容很长，" * 40,) * 3, title="志愿服务证明" * 8),
    replace(RECEIPT, lines=("认领事项：" + "楼道清理、" * 60,) * 12, title="回执" * 30),
]
DOCUMENTS = pytest.mark.parametrize("document", [CERTIFICATE, RECEIPT, *CROWDED], ids=["c", "r", "c-crowded", "r-crowded"])


@DOCUMENTS
def test_documents(document):
    image = opened(documents.png(document))
    assert image.size == ((2339, 1654) if document.kind == "certificate" else (1654, 2339))
    assert seen(image) == [LINK]
    ((page, text, size),) = pages(documents.pdf(document))
    assert [round(length) for length in size] == ([842, 595] if document.kind == "certificate" else [595, 842])
    assert seen(page) == [LINK]
    for wanted in ("扫码核验", document.issuer, document.date_text, document.serial):
        assert wanted in text


@pytest.mark.parametrize("document", [RECEIPT, CROWDED[1]])
def test_a_receipt_stays_in_its_margins(document):
    image = ImageChops.invert(opened(documents.png(document)).convert("L"))
    left, top, right, bottom = image.getbbox()
    assert min(left, top, image.width - right, image.height - bottom) >= image.width * 12 // 210


def ems(text):
    return width_of(text)


@pytest.mark.parametrize("width", range(2, 30))
def test_lines_fit_and_marks_do_not_stray(width):
    text = "在“示例社区”（东区），参加2026年3月Volunteer服务：清扫、巡查；共4次。"
    lines = wrap(text, width, ems)
    assert "".join(lines) == text
    if width >= 10:
        assert all(width_of(line) <= width for line in lines)
        assert not any(line[0] in "，。、；：）”" for line in lines)
        assert not any(line[-1] in "（“" for line in lines)


def test_fit_prefers_few_large_even_lines():
    assert fit("社区报到", 100, (16, 8), 3, measure=ems, keep=0.8).lines == ("社区报到",)
    two = fit("一" * 16, 160, (16, 8), 3, measure=ems, keep=0.8)
    assert [len(line) for line in two.lines] == [8, 8]
    assert two.size == 16


def test_fit_cuts_what_cannot_fit():
    cut = fit("一" * 500, 100, (16, 8), 3, measure=ems, keep=0.8)
    assert len(cut.lines) == 3
    assert cut.lines[-1].endswith("…")
    assert all(width_of(line) * cut.size <= 100 for line in cut.lines)
