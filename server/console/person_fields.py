"""Fields about somebody whom staff enter for: a name, a telephone, how he agreed. What a cell of a roster may hold, these may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wtforms import BooleanField, StringField
from wtforms.validators import InputRequired, Optional, ValidationError

from server.console.forms import choice, plain, strip
from server.domain import roster_cells as cells
from server.domain.people import CONSENT_CHANNEL_NAMES, ConsentChannel
from server.domain.roster_cells import CellRefusal
from server.services.intakes import Represented

SAID = (ConsentChannel.SPOKEN, ConsentChannel.PAPER)


def person_name(label: str = "本人姓名", *, required: bool = True) -> Any:
    """A name."""
    return StringField(label, [InputRequired("请填写这一项") if required else Optional(), plain, _read(cells.name)], filters=(strip,))


def person_phone(label: str = "手机号", *, required: bool = False, hint: str = "没有手机可以空着") -> Any:
    """A mobile number."""
    rules = [InputRequired("请填写这一项") if required else Optional(), plain, _read(cells.mobile)]
    return StringField(label, rules, filters=(strip,), description=hint, render_kw={"inputmode": "tel", "autocomplete": "off"})


def consent(label: str = "本人怎么同意的") -> Any:
    """How he agreed, the clerk being witness."""
    names = [(one.value, CONSENT_CHANNEL_NAMES[one]) for one in SAID]
    return choice(label, names, radio=True, default=ConsentChannel.SPOKEN.value, hint="您就是见证人")


def elder() -> Any:
    """Does he want the simple display?"""
    return BooleanField("是老人，通知用大白话")


def represented(sheet: Any) -> Represented:
    """Who it is, from a sheet with name, phone, consent and elder."""
    return Represented(cells.name(sheet.name.data) or "", mobile_of(sheet.phone.data), ConsentChannel(sheet.consent.data), sheet.elder.data)


def mobile_of(text: str | None) -> str | None:
    """A checked number as it is kept."""
    return cells.mobile(text or "")


def _read(reader: Callable[[str], Any]) -> Any:
    def check(_form: Any, field: Any) -> None:
        try:
            reader(field.data or "")
        except CellRefusal as refusal:
            raise ValidationError(str(refusal)) from None

    return check
