"""The `gongjian` command line. Each command lives in server/commands/<name>.py and is imported only when it is asked for."""

from __future__ import annotations

import os
from importlib import import_module

import click

COMMANDS = {
    "audit": "verify the chain of hashes over all events",
    "db": "make or upgrade the database",
    "docs": "write the documents that are rendered from tables (openapi.json, permissions, errors …)",
    "demo": "play a week in 示例社区 against a fresh instance and check every count",
    "jobs": "show and retry background work whose tries are used up",
    "keys": "key rings: make, add, promote, retire; re-seal fields after a rotation",
    "phone": "a phone on the command line: sign in, read a code's picture, check in",
    "policy": "show and set the county's rules and limits",
    "poster": "print the posters of a task or a whole community",
    "roster": "import units and members from Excel, download a template",
    "run": "start everything on embedded defaults (what `make run` calls)",
    "scheduler": "run the periodic jobs",
    "staff": "make the first county login, grant roles",
    "tally": "rebuild the tallies, or verify that incremental equals rebuilt",
    "worker": "run the job worker",
}


class Lazy(click.Group):
    """A group whose --help costs no import of any command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, sorted."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module; its click command is called `command`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"server.commands.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One line each, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def main() -> None:
    """共建 gongjian: 双报到 and community co-building for a county.

    Settings come from config.toml and the environment (docs/configuration.md); `gongjian run` starts everything for a first look.
    """
    _join_running_instance()


def _join_running_instance() -> None:
    """In development, a command in a second terminal takes the secrets and addresses of the instance that `gongjian run` started."""
    from server import config
    from server.dev import instance

    if os.environ.get("GONGJIAN_ENVIRONMENT") == "production":
        return
    try:
        settings = config.load()
    except config.ConfigError:
        return  # the command itself will say what is wrong
    if not settings.production:
        for name, value in instance.environment_of(settings.data_dir).items():
            os.environ.setdefault(name, value)
