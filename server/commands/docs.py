"""`gongjian docs`: write the documents that are rendered from tables."""

from __future__ import annotations

import sys

import click

from server.dev import documents


@click.command()
@click.option("--check", is_flag=True, help="write nothing; end with 1 if a document is stale")
def command(check: bool) -> None:
    """Write docs/openapi.json, permissions, errors, configuration, states and data model from the tables they describe."""
    names = documents.stale() if check else documents.write()
    for name in names:
        print(f"docs/{name}" + (" 已过期，请运行 gongjian docs" if check else " 已更新"))
    if check and names:
        sys.exit(1)
