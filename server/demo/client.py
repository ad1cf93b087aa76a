"""A thin HTTP client of the phone API: the bearer token, idempotency keys, refusals as exceptions (docs/api.md)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import requests

API = "/api/v1"
TIMEOUT_S = 30.0
BUSY_TRIES = 4


class Refused(Exception):
    """The service said no: HTTP status, stable code, the sentence for the person, which fields."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('code')}：{error.get('message')}{error.get('fields') or ''}")
        self.status = status
        self.code = str(error.get("code"))
        self.message = str(error.get("message"))
        self.fields: dict[str, str] = error.get("fields") or {}
        self.data: dict[str, Any] = error.get("data") or {}


def direct() -> requests.Session:
    """A session that no proxy variable leads astray."""
    made = requests.Session()
    made.trust_env = False
    return made


@dataclass
class Client:
    """One person's connection to the service at `base`; `token` is empty before he signs in."""

    base: str
    token: str = ""
    http: requests.Session = field(default_factory=direct, repr=False)
    calls: int = 0

    def get(self, path: str, **query: Any) -> Any:
        """GET under /api/v1 → JSON. Raises Refused."""
        return self._json("GET", path, params=query)

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> Any:
        """POST JSON with an idempotency key, a fresh one unless given. Raises Refused."""
        return self._json("POST", path, json=body or {}, headers=_key(key))

    def put(self, path: str, body: dict[str, Any], *, key: str | None = None) -> Any:
        """PUT JSON. Raises Refused."""
        return self._json("PUT", path, json=body, headers=_key(key))

    def delete(self, path: str) -> Any:
        """DELETE. Raises Refused."""
        return self._json("DELETE", path, headers=_key(None))

    def upload(self, path: str, name: str, data: bytes, *, key: str | None = None, **form: str) -> Any:
        """POST one file as multipart, with form fields. Raises Refused."""
        return self._json("POST", path, files={"file": (name, data)}, data=form, headers=_key(key))

    def fetch(self, path: str, **query: Any) -> bytes:
        """GET a file. Raises Refused."""
        return self._send("GET", path, params=query).content

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        after: str | None = None
        while True:
            page = self.get(path, **query, **({"after": after} if after else {}), limit=100)
            yield from page["items"]
            after = page.get("next")
            if not after:
                return

    def _json(self, method: str, path: str, **options: Any) -> Any:
        return self._send(method, path, **options).json()

    def _send(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> requests.Response:
        """One request. A busy service is asked again with the same key, as a phone does."""
        said = {**(headers or {}), **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        for attempt in range(1, BUSY_TRIES + 1):
            self.calls += 1
            answer = self.http.request(method, f"{self.base}{API}{path}", headers=said, timeout=TIMEOUT_S, **options)
            if answer.status_code != 503 or attempt == BUSY_TRIES:
                break
            time.sleep(0.2 * attempt)
        if answer.status_code >= 400:
            raise Refused(answer.status_code, _error_of(answer))
        return answer


def _key(key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid.uuid4())}


def _error_of(answer: requests.Response) -> dict[str, Any]:
    try:
        error: dict[str, Any] = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {"code": f"HTTP_{answer.status_code}", "message": "服务没有按约定的格式回答，请查看服务的日志"}
    return error
