"""Writing Excel: text stays text, whatever it looks like, and every sheet says who took it out and when (docs/rules.md §4).

xlsxwriter is loaded here, in a worker. Rows go to a temporary file as they come, so a long ledger costs no memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 32_000  # characters in a cell; Excel takes 32,767
WIDEST = 40
Cell = str | int | None
# A workbook never computes, links or runs anything of what people typed.
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write(
    *, title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], about: Sequence[tuple[str, str]], watermark: str
) -> tuple[bytes, int]:
    """The file, and how many rows it has. `about` stands on a second sheet; `watermark` in the margins and below the last row."""
    import xlsxwriter

    with tempfile.TemporaryDirectory(prefix="gj-export-") as folder:
        path = Path(folder) / "export.xlsx"
        book = xlsxwriter.Workbook(str(path), {**OPTIONS, "tmpdir": folder})
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        plain, soft = book.add_format({"text_wrap": True, "valign": "top"}), book.add_format({"italic": True, "font_color": "#57534e"})
        sheet = _sheet(book, title, watermark)
        count = _table(sheet, columns, rows, bold, plain)
        sheet.write_string(count + 1, 0, watermark, soft)
        notes = _sheet(book, "说明", watermark)
        notes.set_column(0, 0, 18)
        notes.set_column(1, 1, 80)
        for at, (name, text) in enumerate([*about, ("导出", watermark)]):
            notes.write_string(at, 0, name, bold)
            notes.write_string(at, 1, text[:LONGEST], plain)
        book.close()
        return path.read_bytes(), count


def _sheet(book: Any, title: str, watermark: str) -> Any:
    """A sheet for paper, too: landscape, one page wide, the watermark above and below."""
    sheet = book.add_worksheet(title)
    said = watermark.replace("&", "&&")[:200]
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_header(f"&L{title}&R{said}")
    sheet.set_footer(f"&L{said}&R&P / &N")
    return sheet


def _table(sheet: Any, columns: Sequence[str], rows: Iterable[Sequence[Cell]], bold: Any, plain: Any) -> int:
    for at, name in enumerate(columns):
        sheet.set_column(at, at, min(WIDEST, max(8, 2 * len(name) + 6)))
        sheet.write_string(0, at, name, bold)
    sheet.freeze_panes(1, 1)
    sheet.repeat_rows(0)
    count = 0
    for count, row in enumerate(rows, 1):
        for at, cell in enumerate(row):
            if isinstance(cell, int):
                sheet.write_number(count, at, cell, plain)
            elif cell:
                sheet.write_string(count, at, cell[:LONGEST], plain)
    return count
