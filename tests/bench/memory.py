"""Memory of a web process: PSS over the server's tree, divided by its processes (shared pages are counted once)."""

from __future__ import annotations

from pathlib import Path


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it ended while we were looking
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def pss_mb(pid: int) -> float:
    """Proportional set size in MB (10⁶ bytes)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("smaps_rollup has no Pss line")


def web_mb(root: int, workers: int) -> float:
    """Megabytes a web process: the whole tree's PSS, carried by the workers alone (the supervisor's share goes on top of theirs)."""
    return sum(pss_mb(pid) for pid in tree(root)) / workers
