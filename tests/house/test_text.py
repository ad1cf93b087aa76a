"""What stands in the repository: no path of anybody's machine, no registry, no credential."""

from __future__ import annotations

import re
from itertools import pairwise

from tests.house.sources import ROOT, written

SELF = "tests/house/test_text.py"
PATHS = re.compile(r"(?<![\w.:/])/(?:work|home|Users|root|mnt)/\w")
REGISTRIES = re.compile(
    r"pypi[.]org|files[.]pythonhosted|registry[.]npmjs|npmmirror|pypi[.]tuna|mirrors?[.](?:aliyun|tencent|cloud|tuna)|index[-]url|artifactory"
)
CREDENTIALS = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}|\bsk-[A-Za-z0-9]{20,}")
FOLDERS = {"server", "miniprogram_api", "qr", "jobs", "tests", "docs", "deploy", "miniprogram"}
FILES = {"config.toml", "pyproject.toml", "requirements.txt", "requirements-dev.txt", "Makefile"}
TOP = FOLDERS | FILES | {"README.md", "README.zh.md", "CHANGELOG.md", "LICENSE"}


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in written()
        if str(path.relative_to(ROOT)) != SELF
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_path_of_a_machine() -> None:
    assert not lines_with(PATHS)


def test_no_registry_is_named() -> None:
    assert not lines_with(REGISTRIES)


def test_no_credential() -> None:
    assert not lines_with(CREDENTIALS)


def test_the_patterns_find_what_they_are_for() -> None:
    assert PATHS.search("see /home/somebody/x")
    assert REGISTRIES.search("https://pypi" + ".org")
    assert CREDENTIALS.search("-----BEGIN RSA PRIVATE KEY-----")


def test_the_top_level_holds_what_was_agreed() -> None:
    visible = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}
    assert visible - TOP - {"var"} - {name for name in visible if name.endswith(".egg-info") or name == "__pycache__"} == set()


def test_every_cited_document_exists() -> None:
    cited = {
        name
        for path in written()
        if path.suffix in (".py", ".md", ".toml")
        for name in re.findall(r"docs/[\w./-]+\.(?:md|json)", path.read_text("utf-8", errors="replace"))
        if str(path.relative_to(ROOT)) != SELF
    }
    assert not {name for name in cited if not (ROOT / name).exists()}


def test_every_cited_rule_exists() -> None:
    """`docs/rules.md §3.5` in a docstring must lead somewhere."""
    for document in ("docs/rules.md", "docs/protocol.md"):
        headings = set(re.findall(r"^#+ §([\d.]+)", (ROOT / document).read_text("utf-8"), re.MULTILINE))
        cited = {
            number.rstrip(".")
            for path in written()
            if path.suffix == ".py"
            for number in re.findall(rf"{re.escape(document)} §([\d.]+)", path.read_text("utf-8"))
        }
        assert cited <= headings


def test_the_decisions_are_numbered_without_a_gap() -> None:
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert all(after == before + 1 for before, after in pairwise(numbers))
    assert numbers[0] == 1
