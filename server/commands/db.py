"""`gongjian db`: make or upgrade the database."""

from __future__ import annotations

import click

from server import clock
from server.config import load
from server.db import base, schema
from server.process import start_process


@click.group()
def command() -> None:
    """Make or upgrade the database that config.toml or DATABASE_URL names."""
    start_process(load())


@command.command()
def upgrade() -> None:
    """Bring the schema to the newest revision; safe to run twice, and by two processes at once."""
    schema.upgrade(base.engine())
    click.echo(f"数据库已是最新版本 {schema.current(base.engine())}")


@command.command()
def check() -> None:
    """Exit 1 when the database differs from what this version needs."""
    found = schema.differences(base.engine())
    for difference in found:
        click.echo(str(difference))
    raise SystemExit(1 if found else 0)


@command.command()
@click.argument("message")
def revise(message: str) -> None:
    """For developers: write the next revision, MESSAGE, from the models."""
    schema.revise(base.engine(), message, clock.now())
