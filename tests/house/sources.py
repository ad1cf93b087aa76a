"""What the house tests read: our own Python files as syntax trees, and the application without a database."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flask import Flask

from server.app import create_app
from server.config import load

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("server", "miniprogram_api", "qr", "jobs")
TEXT = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".html",
    ".css",
    ".js",
    ".json",
    ".yaml",
    ".yml",
    ".service",
    ".conf",
    ".example",
    ".mako",
    ".sh",
    "",
}


@cache
def modules(*packages: str) -> tuple[str, ...]:
    """Every Python file of these packages (all of ours without arguments), relative to the root; migrations are history, not code."""
    found = (path for package in packages or PACKAGES for path in sorted((ROOT / package).rglob("*.py")))
    return tuple(str(path.relative_to(ROOT)) for path in found if "migrations/versions" not in str(path))


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of one file."""
    return ast.parse((ROOT / module).read_text("utf-8"), module)


def dotted(node: ast.expr) -> str:
    """`a.b.c` as written, '' for anything else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(module: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a file with the dotted name of what is called."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Call):
            yield dotted(node.func), node


def functions(module: str) -> Iterator[tuple[str, int]]:
    """Every function of a file and how many lines it has."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{module}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def written() -> Iterator[Path]:
    """Every text file of the repository, without what is installed, built or left over."""
    for path in sorted(ROOT.rglob("*")):
        inner = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part not in (".ci", ".gitignore", ".npmrc") for part in inner)
        if hidden or {"var", "node_modules", "__pycache__"} & set(inner) or ".egg-info" in str(path):
            continue
        if path.is_file() and path.suffix in TEXT:
            yield path


@cache
def application() -> Flask:
    """The web application; nothing here needs its database."""
    return create_app(load(env={"GONGJIAN_ENVIRONMENT": "test"}))
