"""Reading an OpenAPI document for people: fields in rows, an example for every schema, a curl line for every operation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
DEEPEST = 5  # levels of a body that are unfolded; deeper ones are named only
SAMPLES = {
    "date-time": "2026-03-05T09:00:00+08:00",
    "date": "2026-03-05",
    "uuid": "6f1c1d0e-4b7a-4a5e-9a55-0d8f3a1b2c3d",
    "binary": "(file)",
}
ID = "7ZX4K2M9QWERT"
# Where a schema only says "string", its name says what kind of one.
NAMED = {
    r"(^|_)id$": ID,
    r"(_at|^at)$": "2026-03-05T01:00:00Z",
    r"(_on|^day)$": "2026-03-05",
    r"^next$|^after$": ID,
    r"phone$": "13800001234",
}
PLAIN: dict[str, Any] = {"string": "…", "integer": 1, "number": 1, "boolean": True, "null": None}
TYPE_NAMES = {"string": "文字", "integer": "整数", "number": "数", "boolean": "是否", "null": "空", "object": "对象", "array": "列表"}
FORMAT_NAMES = {"date-time": "时间", "date": "日期", "uuid": "UUID", "binary": "文件"}


@dataclass(frozen=True)
class Field:
    """One row of a table of fields; `path` is a.b[].c."""

    path: str
    kind: str
    required: bool
    meaning: str


@dataclass(frozen=True)
class Refusal:
    """A code that an operation may answer."""

    status: str
    code: str
    message: str


@dataclass(frozen=True)
class Operation:
    """All that a client developer reads about one operation."""

    id: str
    method: str
    path: str
    summary: str
    title: str
    description: str
    permission: str
    public: bool
    keyed: bool
    parameters: list[Field]
    body: list[Field]
    body_example: str
    status: str
    media: str
    answer: list[Field]
    answer_example: str
    refusals: list[Refusal]
    curl: str


@dataclass(frozen=True)
class Tag:
    """The operations of one subject."""

    name: str
    title: str
    operations: list[Operation]


class Reader:
    """Resolves references of one document. Examples and fields are computed from the schemas alone."""

    def __init__(self, document: Mapping[str, Any], *, base: str) -> None:
        self.document = document
        self.base = base

    def tags(self) -> list[Tag]:
        """Every subject with its operations, in the document's order; subjects without any are left out."""
        found = [
            self._operation(method, path, operation)
            for path, methods in self.document["paths"].items()
            for method, operation in methods.items()
        ]
        by_tag: dict[str, list[Operation]] = {}
        for tag, operation in found:
            by_tag.setdefault(tag, []).append(operation)
        titles = {tag["name"]: tag.get("description", tag["name"]) for tag in self.document.get("tags", [])}
        return [Tag(name, titles[name], by_tag[name]) for name in titles if name in by_tag]

    def _operation(self, method: str, path: str, raw: Schema) -> tuple[str, Operation]:
        media, body = _content(raw.get("requestBody", {}))
        status, success = next((code, response) for code, response in raw["responses"].items() if code < "300")
        answer_media, answer = _content(success)
        body_example = self.example(body) if body else None
        made = Operation(
            id=raw["operationId"],
            method=method.upper(),
            path=path,
            summary=(summary := raw.get("summary", "").rstrip(".。")),
            title=re.split("[：；，（]", summary)[0],
            description=raw.get("description", ""),
            permission=raw.get("x-permission", ""),
            public=raw.get("security") == [],
            keyed=any(parameter["name"] == "Idempotency-Key" for parameter in raw.get("parameters", [])),
            parameters=[self._parameter(parameter) for parameter in raw.get("parameters", [])],
            body=list(self.fields(body)) if body else [],
            body_example=_pretty(body_example) if body else "",
            status=status,
            media=answer_media,
            answer=list(self.fields(answer)) if answer_media == "application/json" else [],
            answer_example=_pretty(self.example(answer)) if answer_media == "application/json" else "",
            refusals=list(_refusals(raw["responses"])),
            curl=self._curl(method.upper(), path, raw, body_example, upload=media.startswith("multipart/")),
        )
        return raw["tags"][0], made

    def _parameter(self, parameter: Schema) -> Field:
        schema = parameter["schema"]
        meaning = parameter.get("description") or self._meaning(schema)
        return Field(f"{parameter['name']} ({parameter['in']})", self.kind(schema), bool(parameter.get("required")), meaning)

    def resolve(self, schema: Schema) -> Schema:
        """The schema itself behind $ref and allOf; of alternatives the first that is not null."""
        if "$ref" in schema:
            found = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            return self.resolve({**found, **{key: value for key, value in schema.items() if key != "$ref"}})
        if "allOf" in schema:
            parts = [self.resolve(part) for part in schema["allOf"]]
            properties = {name: rule for part in parts for name, rule in part.get("properties", {}).items()}
            return {"type": "object", "properties": properties, "required": [name for part in parts for name in part.get("required", [])]}
        for choice in ("anyOf", "oneOf"):
            if choice in schema:
                first = next((one for one in schema[choice] if one.get("type") != "null"), schema[choice][0])
                return {**self.resolve(first), **{key: value for key, value in schema.items() if key != choice}}
        return schema

    def fields(self, schema: Schema, before: str = "", depth: int = 0) -> Iterator[Field]:
        """The rows of an object, nested ones after their parent."""
        whole = self.resolve(schema)
        if whole.get("type") == "array":
            yield from self.fields(whole.get("items", {}), f"{before.rstrip('.')}[].", depth)
            return
        for name, rule in whole.get("properties", {}).items():
            yield Field(before + name, self.kind(rule), name in whole.get("required", []), self._meaning(rule))
            if depth < DEEPEST:
                yield from self.fields(rule, f"{before}{name}.", depth + 1)

    def kind(self, schema: Schema) -> str:
        """A type in Chinese, with 或空 where null is allowed."""
        whole = self.resolve(schema)
        name = FORMAT_NAMES.get(whole.get("format", "")) or TYPE_NAMES.get(str(whole.get("type", "")), "任意")
        if whole.get("type") == "array":
            name = f"{self.kind(whole.get('items', {}))}的列表"
        nullable = any(one.get("type") == "null" for one in schema.get("anyOf", []))
        return f"{name}或空" if nullable else name

    def _meaning(self, schema: Schema) -> str:
        whole = self.resolve(schema)
        limits = [f"{word} {whole[key]}" for key, word in LIMITS.items() if key in whole]
        if "enum" in whole:
            limits.append(" · ".join(str(value) for value in whole["enum"]))
        if whole.get("default") is not None:
            limits.append(f"默认 {json.dumps(whole['default'], ensure_ascii=False)}")
        return "；".join([part for part in (schema.get("description") or whole.get("description", ""), "，".join(limits)) if part])

    def example(self, schema: Schema, depth: int = 0, name: str = "") -> Any:
        """A value that fits: the declared example, else one by type."""
        for source in (schema, whole := self.resolve(schema)):
            if source.get("examples"):
                return source["examples"][0]
        if "const" in whole or "enum" in whole:
            return whole.get("const", whole.get("enum", [None])[0])
        if whole.get("type") == "object":
            return (
                {name: self.example(rule, depth + 1, name) for name, rule in whole.get("properties", {}).items()}
                if depth <= DEEPEST
                else {}
            )
        if whole.get("type") == "array":
            return [self.example(whole.get("items", {}), depth + 1)] if depth <= DEEPEST else []
        if "default" in whole and whole["default"] is not None:
            return whole["default"]
        return self._sample(whole, name)

    def _sample(self, whole: Schema, name: str) -> Any:
        if whole.get("format") in SAMPLES:
            return SAMPLES[whole["format"]]
        if "{13}" in str(whole.get("pattern", "")):
            return ID
        if "4[0-9a-f]{3}" in str(whole.get("pattern", "")):
            return SAMPLES["uuid"]
        if whole.get("type") == "string":
            return next((value for suffix, value in NAMED.items() if re.search(suffix, name)), "…" * max(1, whole.get("minLength", 1)))
        return whole.get("minimum", PLAIN.get(str(whole.get("type")), "…"))

    def _curl(self, method: str, path: str, raw: Schema, body: Any, *, upload: bool) -> str:
        address = self.base + re.sub(r"{\w+}", ID, path)
        lines = [f"curl -s -X {method} '{address}'" if method != "GET" else f"curl -s '{address}'"]
        if raw.get("security") != []:
            lines.append('-H "Authorization: Bearer $TOKEN"')
        if any(parameter["name"] == "Idempotency-Key" for parameter in raw.get("parameters", [])):
            lines.append('-H "Idempotency-Key: $(uuidgen)"')
        if upload:
            lines.append("-F file=@photo.jpg")
        elif body is not None:
            lines.append("-H 'Content-Type: application/json'")
            lines.append(f"-d '{json.dumps(body, ensure_ascii=False)}'")
        return " \\\n  ".join(lines)


LIMITS = {"minLength": "最少字数", "maxLength": "最多字数", "minimum": "最小", "maximum": "最大", "maxItems": "最多条数"}


def _content(part: Mapping[str, Any]) -> tuple[str, Schema]:
    media = next(iter(part.get("content", {})), "")
    return media, part["content"][media].get("schema", {}) if media else {}


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _refusals(responses: Mapping[str, Any]) -> Iterator[Refusal]:
    for status, response in responses.items():
        for code, example in _examples(response).items():
            yield Refusal(status, code, example["value"]["error"]["message"])


def _examples(response: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = response.get("content", {}).get("application/json", {}).get("examples", {})
    return found
