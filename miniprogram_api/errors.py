"""One table kind → HTTP status, one error shape: {"error": {"code", "message", "fields"?, "data"?, "request_id"}}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, request
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from sqlalchemy import exc
from werkzeug.exceptions import HTTPException

from server.domain.problems import Kind, Problem
from server.statuses import STATUS
from server.wechat.port import WechatError, WechatFinal, WechatUserMust

log = structlog.get_logger()

HTTP_CODES = {400: "BAD_JSON", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "TOO_LARGE", 429: "TOO_MANY_REQUESTS"}
MOST_FIELDS, LONGEST_PATH = 20, 60  # a refusal must not be an echo of what was sent
# pydantic's error types → what a person should do; the rest get the general sentence.
FIELD_MESSAGES: Mapping[str, str] = {
    "missing": "这一项必须填写",
    "extra_forbidden": "不认识这一项，请更新小程序",
    "string_too_short": "内容太短，请补充",
    "string_too_long": "内容太长，请缩短到 {max_length} 字以内",
    "too_long": "条数太多，请减少到 {max_length} 条以内",
    "too_short": "至少要有 {min_length} 条",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "greater_than": "必须大于 {gt}",
    "control_characters": "含有不能使用的字符，请删去后重试",
    "invisible": "这一项不能为空，请填写",
    "phone": "请填写 11 位手机号",
    "year": "年份要在 2000 到 2100 之间",
    "timezone_aware": "时间要带时区",
    "string_pattern_mismatch": "格式不对，请重新填写",
    "enum": "请从列出的选项里选一个",
    "literal_error": "请从列出的选项里选一个",
    "int_type": "请填整数",
    "int_parsing": "请填整数",
    "int_from_float": "请填整数",
    "bool_type": "请填是或否",
    "string_type": "请填文字",
    "list_type": "请填列表",
    "date_from_datetime_parsing": "请填日期，例如 2026-01-31",
    "date_parsing": "请填日期，例如 2026-01-31",
    "datetime_parsing": "请填时间，例如 2026-01-31T09:00:00+08:00",
    "datetime_from_date_parsing": "请填时间，例如 2026-01-31T09:00:00+08:00",
}


def shape(problem: Problem) -> tuple[dict[str, Any], int]:
    """The body and status of a refusal."""
    error: dict[str, Any] = {"code": problem.code, "message": problem.message}
    if problem.fields:
        error["fields"] = problem.fields
    if problem.data:
        error["data"] = problem.data
    error["request_id"] = getattr(g, "request_id", "")
    return {"error": error}, STATUS[problem.kind]


def invalid(error: ValidationError, code: str = "INVALID") -> Problem:
    """pydantic's findings as INVALID (or the model's own code) with a Chinese sentence per field; no more than a form has room for."""
    found = error.errors(include_url=False, include_input=False)[:MOST_FIELDS]
    return Problem(code, fields={_path(item): _sentence(item) for item in found})


def respond(problem: Problem) -> Response:
    """A refusal as an HTTP answer."""
    body, status = shape(problem)
    answer = jsonify(body)
    answer.status_code = status
    if problem.kind is Kind.TOO_MANY:
        answer.headers["Retry-After"] = "60"
    return answer


def register(app: Flask) -> None:
    """Answer every refusal of the whole application in the one shape; console pages make their own of it."""
    app.register_error_handler(Problem, respond)
    app.register_error_handler(WechatError, of_wechat)
    app.register_error_handler(exc.IntegrityError, lambda _error: respond(Problem("STALE")))
    app.register_error_handler(exc.DataError, lambda _error: respond(Problem("INVALID")))  # a character that no column takes
    app.register_error_handler(exc.OperationalError, _unreachable)
    app.register_error_handler(exc.TimeoutError, _unreachable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


def of_wechat(error: WechatError) -> Response:
    """WeChat's refusals in the same shape: what the person must do is a 422, what only time mends a 503."""
    final = isinstance(error, WechatUserMust | WechatFinal)
    body = {"code": error.code, "message": error.message, "request_id": getattr(g, "request_id", "")}
    answer = jsonify({"error": body})
    answer.status_code = 422 if final else 503
    return answer


def _http(error: HTTPException) -> Response:
    if error.code is not None and error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    return respond(Problem(HTTP_CODES.get(error.code or 500, "INTERNAL")))


def _unreachable(error: Exception) -> Response:
    """The database is down or has no connection left: the phone may send the same again."""
    log.error("database unreachable", error=type(error).__name__)
    return respond(Problem("UNAVAILABLE"))


def _fault(error: Exception) -> Response:
    log.error("unhandled", path=request.url_rule.rule if request.url_rule else "", exc_info=error)
    return respond(Problem("INTERNAL"))


def _path(item: ErrorDetails) -> str:
    return ".".join(str(part) for part in item["loc"])[:LONGEST_PATH] or "body"


def _sentence(item: ErrorDetails) -> str:
    return FIELD_MESSAGES.get(item["type"], "填写有误，请改正").format(**item.get("ctx", {}))
