"""The documents that are rendered from tables, so that they cannot lie (house law 8): `gongjian docs` writes, a test compares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from server.dev.documents import api, data_model, settings, states, tables

FOLDER = Path(__file__).resolve().parents[3] / "docs"
DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "configuration.md": settings.page,
    "data-model.md": data_model.page,
    "errors.md": tables.errors_page,
    "openapi.json": api.document,
    "permissions.md": tables.permissions_page,
    "states.md": states.page,
}


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the documents that are missing or say something else than the tables."""
    return [name for name, render in DOCUMENTS.items() if not (folder / name).exists() or (folder / name).read_text("utf-8") != render()]


def write(folder: Path = FOLDER) -> list[str]:
    """Write every document that is stale; returns their names."""
    names = stale(folder)
    for name in names:
        (folder / name).write_text(DOCUMENTS[name](), "utf-8")
    return names
