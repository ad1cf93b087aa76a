"""docs/configuration.md: the keys of config.toml with their comments, the environment, the secrets, the policies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.config import DEFAULT_FILE, SECRETS
from server.services.policies import POLICIES, Policy

KEY = re.compile(r"^(?P<key>\w+) = (?P<value>\"[^\"]*\"|\S+)(?:\s+# (?P<comment>.+))?$")
SECTION = re.compile(r"^\[(?P<name>[\w.]+)\]")
OWN_NAMES = {"database.url": "DATABASE_URL", "redis.url": "REDIS_URL"}
SECRET_MEANINGS = {
    "kek": "key-encryption key, 32 bytes as base64; opens `keys.json` in the data directory (docs/decisions/0004-keys.md)",
    "secret_key": "signs the console's session cookies",
    "wechat_secret": "AppSecret of the mini-program",
    "push_token": "token of WeChat's message push",
    "aes_key": "EncodingAESKey of WeChat's message push, 43 characters",
}
HEAD = """# Configuration

Rendered from `config.toml`, `server/config.py` and `server/services/policies.py` by `gongjian docs`; do not edit.

Three places, and each has its own kind of thing. `config.toml` and the environment say how *this deployment* runs. The environment alone
holds *secrets*. The table `policy` holds the *county's rules and limits*, with who set them, from when and why (`gongjian policy --help`).

The file is `config.toml` beside the code, or what `GONGJIAN_CONFIG` names. The environment wins over the file. A key that is not listed
here refuses to start; so does production with a secret of development, a public address without https, or a WeChat address that is not
WeChat's.
"""


@dataclass(frozen=True)
class Key:
    """One key of config.toml as it stands in the file."""

    section: str
    name: str
    default: str
    meaning: str

    @property
    def full(self) -> str:
        """section.name."""
        return f"{self.section}.{self.name}".lstrip(".")

    @property
    def variable(self) -> str:
        """The environment variable that wins over it; none for a name inside [wechat.templates]."""
        if "." in self.section:
            return ""
        return OWN_NAMES.get(self.full, "GONGJIAN_" + self.full.replace(".", "_").upper())


def listed(file: Path = DEFAULT_FILE) -> Iterator[Key]:
    """Every key of the file, in its order."""
    section = ""
    for line in file.read_text("utf-8").splitlines():
        if found := SECTION.match(line):
            section = found["name"]
        elif found := KEY.match(line):
            yield Key(section, found["key"], found["value"], found["comment"] or "")


def page() -> str:
    """The whole document."""
    rows = [f"| `{key.full}` | `{key.default}` | {_code(key.variable)} | {key.meaning} |" for key in listed()]
    secrets = [f"| `{name}` | {SECRET_MEANINGS[field]} |" for field, name in SECRETS.items()]
    policies = [f"| `{name}` | {_default(policy)} | {_bounds(policy)} | {policy.meaning} |" for name, policy in sorted(POLICIES.items())]
    return "\n".join(
        [
            HEAD,
            "## Keys",
            "",
            "| key | default | environment | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Secrets",
            "",
            "Each may hold the value, or with `_FILE` after its name the path of a file that does. `make run` and the tests",
            "have their own, which production refuses.",
            "",
            "| environment | what it is |",
            "|---|---|",
            *secrets,
            "",
            "## Policies",
            "",
            "A value holds from a day on, for a node and all below; the nearest node wins, then the newest row. Rows are never changed.",
            "",
            "| key | default | bounds | meaning |",
            "|---|--:|---|---|",
            *policies,
            "",
        ]
    )


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _default(policy: Policy) -> str:
    return ("on" if policy.default else "off") if isinstance(policy.default, bool) else str(policy.default)


def _bounds(policy: Policy) -> str:
    return "on, off" if isinstance(policy.default, bool) else f"{policy.low}–{policy.high}"
