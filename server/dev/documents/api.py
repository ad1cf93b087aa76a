"""docs/openapi.json: the phone API as client developers generate from it."""

from __future__ import annotations

import json

import miniprogram_api


def document() -> str:
    """The served document, indented, Chinese left readable."""
    return json.dumps(miniprogram_api.document(), ensure_ascii=False, indent=1) + "\n"
