"""The one table that maps a refusal's kind to an HTTP status, for the phone API and the console alike."""

from __future__ import annotations

from collections.abc import Mapping

from server.domain.problems import Kind

STATUS: Mapping[Kind, int] = {
    Kind.MALFORMED: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.FORBIDDEN: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 409,
    Kind.TOO_LARGE: 413,
    Kind.REFUSED: 422,
    Kind.TOO_OLD: 426,
    Kind.TOO_MANY: 429,
    Kind.FAULT: 500,
    Kind.UNAVAILABLE: 503,
}
