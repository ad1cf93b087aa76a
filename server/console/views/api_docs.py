"""/docs: the phone API to read, rendered on the server from the OpenAPI document; no script, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from flask import Blueprint, Response, render_template
from markupsafe import Markup, escape

from server.console.api_reader import Operation, Reader, Tag
from server.console.views import pages

BASE = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Step:
    """A step of the quick start: what to do and why, and which POST does it."""

    title: str
    text: str
    path: str


STEPS = (
    Step(
        "登录",
        "把 wx.login 得到的 code 换成令牌，放进后面每个请求的 Authorization。令牌 30 天有效，失效时重新登录即可。",
        "/api/v1/sessions",
    ),
    Step(
        "同意",
        "先给人看个人信息使用说明（GET /api/v1/consent-texts），按用途分别同意；不同意只影响用到它的那一件事。",
        "/api/v1/me/consents",
    ),
    Step(
        "报到",
        "扫社区的码（token），或从列表里选社区（community），二者填一个。名册一致立即生效，否则等社区书记确认。",
        "/api/v1/registrations",
    ),
    Step("认领", "在任务列表（GET /api/v1/tasks）里选一项。名额满了会得到 409，显示那句话即可。", "/api/v1/tasks/{task_id}/claims"),
    Step("签到", "把扫到的整段文字原样发来，Idempotency-Key 用 uuid4。没有网络时先存下，稍后成批上传，结果一样。", "/api/v1/checkins"),
    Step("回报", "写一两句做了什么。照片可以不附。组织者确认之后才计入服务时长。", "/api/v1/records/{record_id}/report"),
)


def blueprint(document: Callable[[], dict[str, Any]]) -> Blueprint:
    """The one page; `document` gives the OpenAPI document."""
    made = Blueprint("api_docs", __name__, template_folder="../templates")

    made.add_app_template_filter(marked)

    @made.get("/docs")
    def api_page() -> Response:
        return pages.readable(_page(document))

    return made


@cache
def _page(document: Callable[[], dict[str, Any]]) -> str:
    """The same for everybody and for as long as the process lives."""
    whole = document()
    tags = Reader(whole, base=BASE).tags()
    steps = [(step, operation_of(step, tags)) for step in STEPS]
    return render_template("public/api.html", info=whole["info"], tags=tags, steps=steps)


def operation_of(step: Step, tags: Iterable[Tag]) -> Operation | None:
    """The POST at the step's path."""
    every = (operation for tag in tags for operation in tag.operations)
    return next((one for one in every if one.method == "POST" and one.path == step.path), None)


def marked(text: str) -> Markup:
    """Escaped text in which `this` is code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before
