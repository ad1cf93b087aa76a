"""/docs: the phone API to read, rendered on the server from the OpenAPI document; no script, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, render_template
from markupsafe import Markup, escape

from server.console.api_reader import Operation, Reader, Tag

BASE = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Step:
    """A step of the quick start: what to do and why, and which operation does it, found by its permission or path."""

    title: str
    text: str
    permission: str = ""
    path: str = ""


STEPS = (
    Step(
        "登录",
        "把 wx.login 得到的 code 换成令牌，放进后面每个请求的 Authorization。令牌 30 天有效，失效时重新登录即可。",
        path="/api/v1/sessions",
    ),
    Step(
        "报到", "先把同意书给人看并提交同意，再扫社区的码或填写。名册一致立即生效，否则等社区书记确认。", permission="registrations:submit"
    ),
    Step("认领", "在任务列表里选一项。名额满了会得到 409，显示那句话即可。", permission="claims:create"),
    Step("签到", "把扫到的整段文字原样发来。没有网络时先存下，稍后成批上传，结果一样。", permission="checkins:create"),
    Step("回报", "写一两句做了什么。照片可以不附。组织者确认之后才计入服务时长。", permission="records:report"),
)


def blueprint(document: Callable[[], dict[str, Any]]) -> Blueprint:
    """The one page; `document` gives the OpenAPI document."""
    made = Blueprint("api_docs", __name__, template_folder="../templates")

    made.add_app_template_filter(marked)

    @made.get("/docs")
    def api_page() -> str:
        return _page(document)

    return made


@cache
def _page(document: Callable[[], dict[str, Any]]) -> str:
    """The same for everybody and for as long as the process lives."""
    whole = document()
    tags = Reader(whole, base=BASE).tags()
    steps = [(step, operation_of(step, tags)) for step in STEPS]
    return render_template("public/api.html", info=whole["info"], tags=tags, steps=steps)


def operation_of(step: Step, tags: Iterable[Tag]) -> Operation | None:
    """The POST that does this step: the shortest path of those with its permission."""
    every = [operation for tag in tags for operation in tag.operations if operation.method == "POST"]
    fitting = [one for one in every if one.path == step.path or (step.permission and one.permission == step.permission)]
    return min(fitting, key=lambda one: len(one.path), default=None)


def marked(text: str) -> Markup:
    """Escaped text in which `this` is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
