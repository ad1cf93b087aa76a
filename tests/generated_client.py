"""A client made from an OpenAPI document alone: one method per operationId, everything sent and received checked against the schemas.

    client = Generated(document, send)
    client.claim_task(task["id"], body={…}) → the answer, or Declined with the stable code

What stands in the path is given in order, the query by name.

`send(method, path, headers, body)` → (status, media type, bytes) is all it knows of the outside.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema_rs

Json = dict[str, Any]
Send = Callable[[str, str, Mapping[str, str], bytes], tuple[int, str, bytes]]
METHODS = ("get", "post", "put", "patch", "delete")


class Declined(Exception):
    """An answer that the document lists as a refusal."""

    def __init__(self, status: int, error: Json) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.code = str(error["code"])
        self.error = error


@dataclass(frozen=True)
class Operation:
    """One operation of the document: where, what it takes, what it may answer."""

    method: str
    path: str
    parameters: tuple[Json, ...]
    body: Json | None
    responses: Mapping[str, Json]
    needs_token: bool


class Generated:
    """The operations of `document` as methods; `token` is sent where an operation asks for it."""

    def __init__(self, document: Json, send: Send, *, token: str = "") -> None:
        self.document = document
        self.send = send
        self.token = token
        self.used: set[str] = set()
        self.operations = operations_of(document)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """The method of an operationId."""
        if name not in self.operations:
            raise AttributeError(name)
        return partial(self._call, name)

    def as_person(self, token: str) -> Generated:
        """The same document in another person's hand."""
        made = Generated(self.document, self.send, token=token)
        made.used = self.used
        return made

    def _call(self, name: str, *places: str, body: Any = None, file: tuple[str, bytes] | None = None, key: str = "", **given: Any) -> Any:
        operation = self.operations[name]
        self.used.add(name)
        in_path = [parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"]
        given = {**dict(zip(in_path, places, strict=True)), **given}
        path, headers = self._address(operation, given, key)
        headers, data = self._payload(operation, headers, body, file)
        if operation.needs_token:
            headers["Authorization"] = f"Bearer {self.token}"
        return self._read(name, operation, *self.send(operation.method, path, headers, data))

    def _address(self, operation: Operation, given: Json, key: str) -> tuple[str, dict[str, str]]:
        """The path with its parameters and query, and the headers the document asks for."""
        values, path, query, headers = dict(given), operation.path, {}, {}
        for parameter in operation.parameters:
            name, place = parameter["name"], parameter["in"]
            value = (key or str(uuid.uuid4())) if place == "header" else values.pop(name, None)
            assert value is not None or not parameter["required"], f"{operation.path} needs {name}"
            if value is None:
                continue
            self._check(parameter["schema"], value, f"{operation.path} {name}")
            if place == "path":
                path = path.replace("{" + name + "}", quote(str(value), safe=""))
            elif place == "query":
                query[name] = "true" if value is True else "false" if value is False else value
            else:
                headers[name] = str(value)
        assert not values, f"{operation.path} knows no {sorted(values)}"
        return path + (f"?{urlencode(query)}" if query else ""), headers

    def _payload(
        self, operation: Operation, headers: dict[str, str], body: Any, file: tuple[str, bytes] | None
    ) -> tuple[dict[str, str], bytes]:
        if operation.body is None:
            assert body is None, f"{operation.path} takes no body"
            return headers, b""
        media, content = next(iter(operation.body["content"].items()))
        if media == "application/json":
            self._check(content["schema"], body, f"{operation.path} body")
            return {**headers, "Content-Type": media}, json.dumps(body, ensure_ascii=False).encode()
        assert media == "multipart/form-data", media
        assert file is not None, f"{operation.path} needs a file"
        boundary, data = _multipart(body or {}, file)
        return {**headers, "Content-Type": f"{media}; boundary={boundary}"}, data

    def _read(self, name: str, operation: Operation, status: int, media: str, data: bytes) -> Any:
        """The answer, after it was found to be one that the document promises."""
        assert str(status) in operation.responses, f"{name} answered {status}, which the document does not know: {data[:300]!r}"
        content = operation.responses[str(status)].get("content", {})
        kind = media.partition(";")[0]
        assert kind in content, f"{name} answered {kind}, promised {sorted(content)}"
        if kind != "application/json":
            return data
        answer = json.loads(data)
        self._check(content[kind]["schema"], answer, f"{name} answer {status}")
        if status >= 400:
            promised = re.split(r" · ", operation.responses[str(status)]["description"])
            assert answer["error"]["code"] in promised, f"{name}: {answer['error']['code']} is not among {promised}"
            raise Declined(status, answer["error"])
        return answer

    def _check(self, schema: Json, value: Any, where: str) -> None:
        whole = {**schema, "components": self.document["components"]}
        problem = next(iter(jsonschema_rs.Draft202012Validator(whole).iter_errors(value)), None)
        assert problem is None, f"{where}: {problem}"


def operations_of(document: Json) -> dict[str, Operation]:
    """All operations by operationId. Raises AssertionError where two share one."""
    found: dict[str, Operation] = {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            one = methods[method]
            assert one["operationId"] not in found, one["operationId"]
            found[one["operationId"]] = Operation(
                method.upper(), path, tuple(one.get("parameters", ())), one.get("requestBody"), one["responses"], bool(one.get("security"))
            )
    return found


def _multipart(fields: Mapping[str, Any], file: tuple[str, bytes]) -> tuple[str, bytes]:
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{"true" if value is True else value}\r\n'.encode()
        for name, value in fields.items()
    ]
    told = f'Content-Disposition: form-data; name="file"; filename="{file[0]}"'
    head = f"--{boundary}\r\n{told}\r\nContent-Type: application/octet-stream\r\n\r\n"
    return boundary, b"".join(parts) + head.encode() + file[1] + f"\r\n--{boundary}--\r\n".encode()
