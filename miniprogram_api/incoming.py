"""Reading a request: who it says it is, its key, its body; nothing here knows a route's business."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import request
from pydantic import ValidationError

from miniprogram_api import errors
from miniprogram_api.schemas import In
from server.domain.problems import Problem

KEY_MAX = 64


def body(model: type[In], *, upload: bool) -> In:
    """The checked body. Raises BAD_JSON, or the model's own code with a sentence per field."""
    if upload:
        return checked(model, request.form.to_dict())
    try:
        return model.model_validate_json(request.get_data(cache=True))
    except ValidationError as error:
        if any(item["type"] == "json_invalid" for item in error.errors(include_url=False, include_input=False)):
            raise Problem("BAD_JSON") from None
        raise errors.invalid(error, model.problem) from None


def checked(model: type[In], values: Mapping[str, Any]) -> In:
    """Checked form or query values. Raises the model's own code."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise errors.invalid(error, model.problem) from None


def fingerprint(*, upload: bool) -> bytes:
    """What makes two requests the same; a multipart boundary does not."""
    if not upload:
        return request.get_data(cache=True)
    parts = [f"{name}={value}".encode() for name, value in sorted(request.form.items())]
    for name, file in sorted(request.files.items()):
        parts.append(name.encode() + hashlib.sha256(file.stream.read()).digest())
        file.stream.seek(0)
    return b"\0".join(parts)


def bearer_token() -> str:
    """The token of the Authorization header, '' where there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme == "Bearer" else ""


def idempotency_key() -> str:
    """The Idempotency-Key header. Raises IDEMPOTENCY_KEY_MISSING."""
    key = request.headers.get("Idempotency-Key", "")
    if not key or len(key) > KEY_MAX or not key.isascii() or not key.isprintable():
        raise Problem("IDEMPOTENCY_KEY_MISSING")
    return key
