"""A roster's errors in the sheet's own layout: which rows and columns a page shows so that it stays small (mission row A2). Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.domain.rosters import CellError, Header, letters

Rows = Sequence[Sequence[str]]
LONGEST = 40  # characters of a cell that are shown
CELLS = 600  # a page: below 150 kB whatever is in them
WIDEST = 24  # columns that are shown though nothing is read from them
AROUND = 1  # good rows shown before and after a wrong one
SAMPLE = 10  # rows shown of a sheet without errors


@dataclass(frozen=True)
class Cell:
    """What stands in a cell (shortened), its name such as C7, what is wrong with it ('' where nothing is)."""

    name: str
    text: str
    wrong: str = ""


@dataclass(frozen=True)
class SheetRow:
    """A row: its number as Excel counts, its cells, and the rows left out just before it (first, last), if any."""

    number: int
    cells: tuple[Cell, ...]
    title: bool = False
    left_out: tuple[int, int] | None = None


@dataclass(frozen=True)
class SheetPage:
    """One page of the preview; pages count from 1."""

    columns: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    errors: tuple[CellError, ...]
    page: int
    pages: int


def sheet_page(rows: Rows, header: Header, errors: Sequence[CellError], page: int) -> SheetPage:
    """The wrong rows of this page with a good one around each, under the sheet's own titles; without errors the first rows."""
    places = _places(rows, header, errors)
    wrong = sorted({error.row for error in errors})
    size = max(2, CELLS // len(places) // (1 + 2 * AROUND))
    pages = max(1, -(-len(wrong) // size))
    page = min(max(page, 1), pages)
    chosen = wrong[(page - 1) * size : page * size]
    told = tuple(error for error in errors if chosen and chosen[0] <= error.row <= chosen[-1])
    first = header.row + 1
    shown = [first, *_around(chosen, first, len(rows))] if wrong else list(range(first, min(len(rows), first + SAMPLE) + 1))
    return SheetPage(tuple(letters(place) for place in places), tuple(_rows(rows, shown, places, told, first)), told, page, pages)


def _places(rows: Rows, header: Header, errors: Sequence[CellError]) -> list[int]:
    """Columns: the left ones, and beyond those what is read or wrong."""
    width = min(WIDEST, max(len(row) for row in rows[header.row : header.row + 50]))
    return sorted({*range(width), *header.columns.values(), *(error.column for error in errors)})


def _around(chosen: Sequence[int], first: int, last: int) -> list[int]:
    near = {number for one in chosen for number in range(one - AROUND, one + AROUND + 1)}
    return sorted(number for number in near if first < number <= last)


def _rows(rows: Rows, shown: Sequence[int], places: Sequence[int], errors: Sequence[CellError], first: int) -> list[SheetRow]:
    wrong: Mapping[tuple[int, int], list[str]] = defaultdict(list)
    for error in errors:
        wrong[error.row, error.column].append(error.message)
    made: list[SheetRow] = []
    before = first
    for number in shown:
        cells = tuple(_cell(rows[number - 1], number, place, wrong.get((number, place), ())) for place in places)
        gap = (before + 1, number - 1) if number > before + 1 else None
        made.append(SheetRow(number, cells, number == first, gap))
        before = number
    return made


def _cell(row: Sequence[str], number: int, place: int, wrong: Sequence[str]) -> Cell:
    text = row[place] if place < len(row) else ""
    short = text if len(text) <= LONGEST else f"{text[:LONGEST]}…（共 {len(text)} 字）"
    return Cell(f"{letters(place)}{number}", short, "；".join(wrong))
