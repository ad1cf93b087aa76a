"""Migrations: from empty to what the models say, back and up again, on both databases."""

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

from server.db import schema


def test_there_is_one_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_the_migrated_database_is_what_the_models_say(database: Engine) -> None:
    assert schema.differences(database) == []


def test_down_to_nothing_and_up_again(database: Engine) -> None:
    newest = schema.current(database)
    schema.downgrade(database, "base")
    assert set(inspect(database).get_table_names()) <= {"alembic_version"}
    schema.upgrade(database)
    assert schema.current(database) == newest
    schema.upgrade(database)  # a second start changes nothing
    assert schema.differences(database) == []
