"""Roster files as a county really has them: a merged title, a remark, a second sheet, trailing blank rows."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence

MEMBER_HEAD = ("序号", "姓名", "手机号", "工作单位", "所在支部", "居住社区", "人员类别", "有效期至")
UNIT_HEAD = ("序号", "单位名称", "统一社会信用代码", "单位类别", "所在社区", "联系人", "联系电话")


def workbook(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """An xlsx with these rows under `head`."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "名册"
    sheet.append([title])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(head))
    sheet.append(["（本表由县级党建办整理，示例数据）"])
    sheet.append(list(head))
    for number, row in enumerate(rows, start=1):
        sheet.append([number, *row])
    for _ in range(3):
        sheet.append(["" for _ in head])
    book.create_sheet("填写说明").append(["手机号没有的可以空着。"])
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()
