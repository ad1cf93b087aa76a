"""活动 · 大屏: the links of the screens in a community's hall."""

from __future__ import annotations

from flask import current_app

from server.console import forms, places
from server.console.desk import Answer, Call, Desk
from server.console.forms import Sheet
from server.console.views import screens
from server.domain.permissions import Permission as P
from server.services import halls

desk = Desk("halls")


class LinkSheet(Sheet):
    """A new link."""

    label = forms.words("大屏放在哪里", longest=60, hint="比如“一楼大厅电视”，停用时好辨认")


@desk.form("/halls", permission=P.CODES_MANAGE)
def keep_halls(call: Call) -> Answer:
    """The links that are good, and a new one."""
    where = places.chosen(call, P.CODES_MANAGE)
    sheet = LinkSheet(call.typed or None)
    if call.posted and sheet.validate():
        halls.open_link(call.session, where.here, label=sheet.label.data, actor=call.actor, now=call.now)
        return call.done("链接已生成，在大屏的电脑上打开它", to=f"/console/halls?at={where.here.public_id}")
    listed = halls.links(call.session, where.here, actor=call.actor, now=call.now)
    base = current_app.config["SETTINGS"].web.public_base.rstrip("/")
    rows = [(link, screens.address_of(link)) for link in listed]
    return call.show("console/halls/list.html", 422 if call.posted else 200, places=where, rows=rows, sheet=sheet, base=base)


@desk.action("/halls/<id>/revoke", permission=P.CODES_MANAGE)
def revoke_hall(call: Call, id: str) -> Answer:  # noqa: A002 - the address's word
    """The link is good no more."""
    link = halls.revoke(call.session, id, actor=call.actor, now=call.now)
    return call.done(f"“{link.label}”的链接已停用", to="/console/halls")
