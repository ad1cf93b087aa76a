"""Make .venv from a fresh checkout: a virtual environment, the pinned packages, and the command `gongjian`.

Runs under the system's Python with nothing installed. `bootstrap.py run` installs what the service needs,
`bootstrap.py dev` what the tests need too. It does nothing when the pins, the Python and the place are unchanged. The
project itself is not installed but pointed at, so that no build tool has to be fetched.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.json"
REQUIREMENTS = {"run": ["requirements.txt"], "dev": ["requirements.txt", "requirements-dev.txt"]}
LOCK = ROOT / "var" / "set-up.lock"
PIP = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]


class SetUpError(Exception):
    """The set-up cannot go on; one Chinese sentence that says what to do, then the tool's own words."""


def main(what: str) -> int:
    """Bring .venv up to date for `what` (run or dev); returns the exit code."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # `make run` and `make test` may be started at once
        try:
            set_up(what)
        except SetUpError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


def set_up(what: str) -> None:
    """Create, install, point, and write down what was done last. Raises SetUpError."""
    wanted = {name: fingerprint(name) for name in REQUIREMENTS}
    done = installed()
    if done.get(what) == wanted[what]:
        return
    began = time.monotonic()
    STAMP.unlink(missing_ok=True)
    if not usable():
        create()
    print(f"正在按 {REQUIREMENTS[what][-1]} 安装依赖，第一次大约需要一分钟……", file=sys.stderr, flush=True)
    install(REQUIREMENTS[what][-1])
    point_at_checkout()
    now = dict(wanted) if what == "dev" else {"run": wanted["run"]}
    STAMP.write_text(json.dumps(now))
    print(f"安装完成，用时 {time.monotonic() - began:.0f} 秒。", file=sys.stderr, flush=True)


def fingerprint(what: str) -> str:
    """Changes with the pins, the Python, the place of the checkout and this file."""
    parts = [(ROOT / name).read_bytes() for name in REQUIREMENTS[what]]
    parts += [sys.version.encode(), os.fsencode(ROOT), Path(__file__).read_bytes()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def installed() -> dict[str, str]:
    """The fingerprints of what is installed; nothing where the last set-up did not come to its end."""
    try:
        found = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and PYTHON.exists() else {}


def usable() -> bool:
    """Whether .venv is whole: of this Python, with pip."""
    probe = [str(PYTHON), "-c", "import sys, pip; print(sys.version)"]
    try:
        found = subprocess.run(probe, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return False
    return found.stdout.strip() == sys.version.strip()


def create() -> None:
    """A fresh virtual environment in the place of a broken one."""
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetUpError(
            f"不能建立虚拟环境，请先安装 python{version}-venv（Debian、Ubuntu：apt install python3-venv）再重试。\n"
            f"{made.stdout}{made.stderr}"
        )


def install(requirements: str) -> None:
    """The pinned packages, each checked against its hash."""
    command = [*PIP, "install", "--require-hashes", "--progress-bar", "off", "--root-user-action", "ignore"]
    command += ["-r", str(ROOT / requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetUpError(f"依赖没有装上，请检查网络后重试。\n{done.stdout}{done.stderr}")


def point_at_checkout() -> None:
    """Let .venv import the project from here, and write .venv/bin/gongjian."""
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([str(PYTHON), "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    (Path(packages) / "gongjian.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    command = VENV / "bin" / "gongjian"
    # -P: a folder named `server` where the command is called must not hide ours
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(str(PYTHON))} -P -m server "$@"\n', encoding="utf-8")
    command.chmod(0o755)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
