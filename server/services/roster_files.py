"""Reading a roster file (xlsx, CSV) into sheets of text, and making the template to fill in (mission row A2).

What a file is, is told by its content, not by its name. `read_file` is for commands and jobs; a web process uses `read_apart`, which reads
in a process of its own with a limit on time and memory, so that a hostile file harms nobody and the web process never loads openpyxl.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from threading import BoundedSemaphore

from server.domain.problems import Problem
from server.domain.roster_cells import cell_text
from server.domain.rosters import COLUMNS, KIND_NAMES, Column, RosterKind, Sheet

MOST_UNPACKED = 64 * 1024 * 1024  # bytes: 50,000 rows of twelve columns need about 40 MB
MOST_PARTS = 500
MOST_COLUMNS = 100
LAST_ROW = 1_048_576  # Excel's own limit
OLE = b"\xd0\xcf\x11\xe0"  # .xls, .et, and xlsx with a password
DELIMITERS = ",\t;，"
READ_SECONDS = 60
READ_MEMORY = 1 << 30  # bytes of address space
ROOT = Path(__file__).resolve().parents[2]
_few = BoundedSemaphore(2)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def read_file(data: bytes, filename: str) -> tuple[Sheet, ...]:
    """All sheets of a file. Raises ROSTER_FORMAT, ROSTER_UNREADABLE, ROSTER_TOO_BIG, ROSTER_EMPTY."""
    if not data:
        raise Problem("ROSTER_EMPTY")
    if data.startswith(b"PK"):
        return _read_xlsx(data)
    if data.startswith(OLE):
        raise Problem("ROSTER_FORMAT", fields={"file": "这是旧格式（.xls、.et）或加了密码的文件，请去掉密码，另存为 .xlsx"})
    if not filename.lower().endswith((".csv", ".txt")):
        raise Problem("ROSTER_FORMAT")
    return (Sheet("CSV", _trimmed(_read_csv(data))),)


def read_apart(data: bytes, filename: str) -> tuple[Sheet, ...]:
    """`read_file` in a process of its own; the same refusals, ROSTER_TOO_BIG also past 60 s or 1 GB."""
    suffix = ".csv" if filename.lower().endswith((".csv", ".txt")) else ".xlsx"
    command = [sys.executable, "-m", "server.services.roster_files", suffix]
    try:
        with _few:
            done = subprocess.run(  # noqa: S603 - our own module
                command, input=data, capture_output=True, timeout=READ_SECONDS, check=False, cwd=ROOT
            )
    except subprocess.TimeoutExpired:
        raise Problem("ROSTER_TOO_BIG") from None
    if done.returncode != 0:
        raise Problem("ROSTER_TOO_BIG")
    answer = json.loads(done.stdout)
    if "code" in answer:
        raise Problem(answer["code"], fields=answer["fields"])
    return tuple(Sheet(name, tuple(tuple(row) for row in rows), hidden) for name, rows, hidden in answer["sheets"])


def template(kind: RosterKind) -> bytes:
    """An empty roster to fill in, as xlsx."""
    return blank(KIND_NAMES[kind], COLUMNS[kind])


def blank(name: str, columns: Sequence[Column]) -> bytes:
    """An empty sheet to fill in: text columns, a sheet of remarks, no formulas."""
    from xlsxwriter import Workbook

    out = io.BytesIO()
    with Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        head, text = book.add_format({"bold": True, "bg_color": "#F3D9D6", "border": 1}), book.add_format({"num_format": "@"})
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, 20, text)
            sheet.write_string(0, place, column.title, head)
        remarks = book.add_worksheet("填写说明")
        remarks.set_column(0, 0, 20)
        remarks.set_column(1, 1, 60)
        for row, column in enumerate(columns):
            remarks.write_string(row, 0, column.title)
            remarks.write_string(row, 1, column.hint)
        remarks.write_string(len(columns) + 1, 1, "请勿填写任何证件号码：有这样的列，整个文件都不会导入。")
    return out.getvalue()


def _read_xlsx(data: bytes) -> tuple[Sheet, ...]:
    _refuse_bombs(data)
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing default styles, extensions: none of it concerns the text
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            return tuple(
                Sheet(sheet.title, _trimmed(_rows_of(sheet)), sheet.sheet_state != "visible")
                for sheet in book.worksheets
            )  # fmt: skip
    except (Problem, MemoryError):
        raise
    except Exception:  # a broken file fails anywhere in zip, XML or the library, in ways without number
        raise Problem("ROSTER_UNREADABLE") from None


def _refuse_bombs(data: bytes) -> None:
    """Refuse before unpacking: what the directory declares is what zipfile will hand out at most."""
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except zipfile.BadZipFile:
        raise Problem("ROSTER_UNREADABLE") from None
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Problem("ROSTER_TOO_BIG")
    if "[Content_Types].xml" not in {part.filename for part in parts}:
        raise Problem("ROSTER_FORMAT")


def _rows_of(sheet: object) -> Iterable[Iterable[object]]:
    """Rows of a sheet; its own word on its size is not trusted (WPS writes A1 or the whole grid)."""
    sheet.reset_dimensions()  # type: ignore[attr-defined]
    rows = sheet.iter_rows(min_row=1, min_col=1, max_col=MOST_COLUMNS, values_only=True)  # type: ignore[attr-defined]
    yield from islice(rows, LAST_ROW)


def _trimmed(rows: Iterable[Iterable[object]]) -> tuple[tuple[str, ...], ...]:
    """Rows as clean text, without blank cells at their ends and blank rows at the end."""
    kept: list[tuple[str, ...]] = []
    filled = 0
    for row in rows:
        texts = [cell_text(value) for value in row] if any(value is not None for value in row) else []
        while texts and not texts[-1]:
            texts.pop()
        kept.append(tuple(texts))
        filled = len(kept) if texts else filled
    return tuple(kept[:filled])


def _read_csv(data: bytes) -> list[list[str]]:
    text = _decoded(data)
    if "\0" in text or len(data) > MOST_UNPACKED:
        raise Problem("ROSTER_UNREADABLE")
    top = text[:4096]
    delimiter = max(DELIMITERS, key=top.count)
    try:
        return [row[:MOST_COLUMNS] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error:
        raise Problem("ROSTER_UNREADABLE") from None


def _decoded(data: bytes) -> str:
    """UTF-16 and UTF-8 by their marks, UTF-8 where it fits, else GB18030, which Chinese Excel and WPS write."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings: Sequence[str] = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Problem("ROSTER_UNREADABLE")


def _serve() -> None:
    """The child of read_apart: a file on standard input, its sheets or the refusal as JSON on standard output."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (READ_MEMORY, READ_MEMORY))
    try:
        sheets = read_file(sys.stdin.buffer.read(), sys.argv[1])
        answer: object = {"sheets": [(sheet.name, sheet.rows, sheet.hidden) for sheet in sheets]}
    except Problem as problem:
        answer = {"code": problem.code, "fields": problem.fields}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    _serve()
