"""Forms of the console: WTForms in Chinese, with the fields our pages use. The token against forged forms is the desk's, not the form's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from markupsafe import escape
from wtforms import (
    DateField,
    DateTimeLocalField,
    Form,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange, Optional, ValidationError
from wtforms.widgets import Select

from server.domain.days import SHANGHAI
from server.domain.problems import Problem
from server.domain.roster_cells import CellRefusal

CONTROL = frozenset(chr(code) for code in range(32) if chr(code) not in "\n\r\t") | {"\x7f"}
FIRST_YEAR, LAST_YEAR = 1900, 2199


class Sheet(Form):  # type: ignore[misc]
    """The base of every form: messages in Chinese."""

    class Meta:
        """Read by WTForms."""

        locales = ("zh",)
        csrf = False


class _Pairs:
    """Choices given as (value, name) pairs, at once or later."""

    def __init__(self, *args: Any, choices: Any = (), **options: Any) -> None:
        options = {"choices": _options(choices), "invalid_choice_message": "请从列出的里面选", **options}
        super().__init__(*args, **options)

    @property
    def choices(self) -> list[SelectChoice]:
        """As WTForms wants them."""
        return self._choices

    @choices.setter
    def choices(self, pairs: Any) -> None:
        self._choices = _options(pairs)


class Options(Select):  # type: ignore[misc]
    """Draws an option of value and name alone: twenty times as fast, and the audit log offers two hundred."""

    @classmethod
    def render_option(cls, choice: Any) -> str:
        """As WTForms writes it."""
        return f'<option {"selected " if choice.selected else ""}value="{escape(choice.value)}">{escape(choice.label)}</option>'


class OneField(_Pairs, SelectField):  # type: ignore[misc]
    """A select."""

    widget = Options()


class ButtonsField(_Pairs, RadioField):  # type: ignore[misc]
    """Buttons of which one is chosen."""


class ManyField(_Pairs, SelectMultipleField):  # type: ignore[misc]
    """Check-boxes."""


def plain(_form: Form, field: Any) -> None:
    """No control characters: no database and no spreadsheet wants them."""
    if isinstance(field.data, str) and CONTROL & set(field.data):
        raise ValidationError("含有不能使用的字符，请删去后重试")


def of_our_time(_form: Form, field: Any) -> None:
    """A day on which something can happen here; arithmetic with the first or the last of all days breaks."""
    if isinstance(field.data, date) and not FIRST_YEAR <= field.data.year <= LAST_YEAR:
        raise ValidationError(f"请填 {FIRST_YEAR} 年到 {LAST_YEAR} 年之间的日期")


def reads(reader: Callable[[str], Any]) -> Any:
    """A validator: a field may hold what a cell of a roster may (server/domain/roster_cells.py); empty is another rule's business."""

    def check(_form: Form, field: Any) -> None:
        try:
            reader(field.data or "")
        except CellRefusal as refusal:
            raise ValidationError(str(refusal)) from None

    return check


def listed(text: str | None) -> list[str]:
    """Several words in one line, as people part them."""
    return [word for word in re.split(r"[、,，;；\s]+", text or "") if word]


def strip(value: str | None) -> str | None:
    """Blanks around a word are nobody's intention."""
    return value.strip() if isinstance(value, str) else value


def words(label: str, *, longest: int, required: bool = True, hint: str = "", also: Sequence[Any] = (), **options: Any) -> Any:
    """One line of text; `also` are further validators."""
    return StringField(label, [*_rules(required, longest), *also], filters=(strip,), description=hint, **options)


def text(label: str, *, longest: int, required: bool = True, hint: str = "", rows: int = 4, **options: Any) -> Any:
    """Several lines of text."""
    return TextAreaField(label, _rules(required, longest), filters=(strip,), description=hint, render_kw={"rows": rows}, **options)


def number(label: str, *, least: int, most: int, required: bool = True, hint: str = "", **options: Any) -> Any:
    """A whole number."""
    rules = [_required(required), NumberRange(least, most, message=f"请填 {least} 到 {most} 之间的整数")]
    return IntegerField(label, rules, description=hint, **options)


def day(label: str, *, required: bool = True, hint: str = "", **options: Any) -> Any:
    """A date."""
    return DateField(label, [_required(required), of_our_time], description=hint, **options)


def moment(label: str, *, required: bool = True, hint: str = "", **options: Any) -> Any:
    """A local date and time; `utc` makes the moment of it."""
    rules = [_required(required), of_our_time]
    return DateTimeLocalField(label, rules, format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], description=hint, **options)


def choice(label: str, choices: Any = (), *, required: bool = True, hint: str = "", radio: bool = False, **options: Any) -> Any:
    """One of a list: a select, or buttons where there are few. Choices may be set later (`form.field.choices = …`)."""
    kind = ButtonsField if radio else OneField
    return kind(label, [_required(required)], choices=list(choices), description=hint, **options)


UNCHOSEN = ("", "请选择")  # the head of a list whose first entry must not be taken by mistake


def choices(label: str, listed: Any = (), *, hint: str = "", **options: Any) -> Any:
    """Any of a list, as check-boxes."""
    return ManyField(label, [Optional()], choices=list(listed), description=hint, **options)


def blame(sheet: Sheet, problem: Problem | None) -> None:
    """Show at the fields what a service refused; what belongs to no field stands above the form anyway."""
    for name, words in (problem.fields if problem is not None else {}).items():
        if name in sheet:
            sheet[name].errors = [*sheet[name].errors, words]


def meanwhile(sheet: Sheet, problem: Problem | None, now: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a colleague saved while a refused form was typed: label and what stands there now; nothing unless it came too late."""
    if problem is None or problem.code != "STALE":
        return []
    return [(field.label.text, _read(field, now[field.name])) for field in sheet if (field.data or None) != (now[field.name] or None)]


def utc(local: datetime) -> datetime:
    """The moment that a clock in Shanghai shows so."""
    return local.replace(tzinfo=SHANGHAI).astimezone(UTC)


def _read(field: Any, value: Any) -> str:
    """A value as the page says it."""
    if isinstance(value, datetime):
        return f"{value.month}月{value.day}日 {value:%H:%M}"
    if isinstance(value, bool):
        return "是" if value else "否"
    names = {one.value: one.label for one in getattr(field, "choices", ())}
    return "（空）" if value in (None, "") else str(names.get(value, value))


def _options(pairs: Any) -> list[SelectChoice]:
    return [pair if isinstance(pair, SelectChoice) else SelectChoice(*pair) for pair in pairs or ()]


def _required(required: bool) -> Any:
    return InputRequired("请填写这一项") if required else Optional()


def _rules(required: bool, longest: int) -> list[Any]:
    filled = DataRequired("请填写这一项") if required else Optional()  # blanks alone are nothing
    return [filled, Length(max=longest, message=f"请缩短到 {longest} 字以内"), plain]
