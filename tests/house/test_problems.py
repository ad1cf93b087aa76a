"""Refusals: every code is in the table, every code of the table is used, every sentence says what to do (house law 5)."""

from __future__ import annotations

import ast
import re

import pytest

from miniprogram_api.errors import FIELD_MESSAGES, HTTP_CODES, STATUS
from server.domain.problems import PROBLEMS, Kind
from tests.house.sources import calls, modules, tree

TABLE = "server/domain/problems.py"
# What tells a person that there is something to do, or that there is nothing left to do.
NEXT_STEP = re.compile(r"请|可以|先|无需|不用")


def raised() -> set[str]:
    """Every code that is raised by its name."""
    return {
        call.args[0].value
        for module in modules()
        for name, call in calls(module)
        if name.split(".")[-1] == "Problem" and call.args and isinstance(call.args[0], ast.Constant)
    }


def mentioned() -> set[str]:
    """Every code that stands as a text anywhere but in the table: raised, returned by a rule, or answered by the edge."""
    texts = {
        node.value
        for module in modules()
        if module != TABLE and "/documents/" not in module
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return texts & set(PROBLEMS)


def test_every_code_that_is_raised_is_in_the_table() -> None:
    assert raised() <= set(PROBLEMS)


def test_every_code_of_the_table_is_used() -> None:
    assert set(PROBLEMS) - mentioned() - declared_only() == set()


def declared_only() -> set[str]:
    """Codes that are the values of an enum: the fold and the token reader return these."""
    return {
        node.value.value
        for module in modules("qr", "server/domain")
        if module != TABLE
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_a_message_is_one_chinese_sentence_that_says_what_to_do(code: str) -> None:
    message = PROBLEMS[code][1]
    assert re.search(r"[\u4e00-\u9fff]", message)
    assert not message.endswith(("。", "！", ".", "!", "，", " "))
    assert "。" not in message, "one sentence"
    assert len(message) <= 48, "it must fit a phone's toast"
    assert NEXT_STEP.search(message), "say what to do next"
    assert re.fullmatch(r"[A-Z][A-Z0-9_]*", code)


def test_every_kind_has_a_status_and_every_status_of_the_edge_a_code() -> None:
    assert set(STATUS) == set(Kind)
    assert set(HTTP_CODES.values()) <= set(PROBLEMS)


@pytest.mark.parametrize("kind", sorted(FIELD_MESSAGES))
def test_the_sentence_of_a_field_is_chinese(kind: str) -> None:
    assert re.search(r"[\u4e00-\u9fff]", FIELD_MESSAGES[kind])
    assert not FIELD_MESSAGES[kind].endswith("。")
