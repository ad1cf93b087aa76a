"""What runs again and again, by real seconds: every job here is a drain that finds its work in a table (docs/operations.md).

Nothing depends on a wake that Redis lost: the first two lines of the table find it again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog
from redis import Redis
from redis.exceptions import RedisError

from server import clock, defer

log = structlog.get_logger()
EVERY_S: Mapping[str, int] = {
    "outbox.resend": 15,
    "tallies.drain": 15,
    "notices.push": 30,
    "wechat.work": 60,
    "contents.lapse": 60,
    "claims.remind": 15,
    "transfers.release": 30,
    "requests.escalate": 30,
    "care.miss": 300,
    "wishes.release": 30,
    "audit.seal": 300,
    "figures.count": 900,
    "tasks.end": 3600,
    "ballots.open": 3600,
    "media.forget": 6 * 3600,
    "house.prune": 6 * 3600,
    "rosters.forget": 6 * 3600,
    "exports.forget": 6 * 3600,
}
TICK_S = 1.0


class Schedule:
    """When each job is next due, in seconds of a steady clock; everything is due at the start and when the present was moved."""

    def __init__(self) -> None:
        self.due = dict.fromkeys(EVERY_S, 0.0)
        self.offset = clock.offset()

    def tick(self, redis: Redis, *, steady: float) -> list[str]:
        """Rouse what is due; returns the names. While Redis is down nothing is lost: what is due stays due."""
        if clock.offset() != self.offset:
            self.offset = clock.offset()
            self.due = dict.fromkeys(EVERY_S, 0.0)
        roused = []
        for name in [name for name, at in self.due.items() if at <= steady]:
            defer.rouse(redis, name)
            self.due[name] = steady + EVERY_S[name]
            roused.append(name)
        if roused:
            defer.note_run(defer.SCHEDULER, now=clock.now())
        return roused


def run(redis: Redis, *, stopped: Callable[[float], bool]) -> None:
    """Tick until `stopped(seconds to wait)` says so. Two schedulers at once do no harm: a job on its way is not sent again."""
    schedule, up = Schedule(), True
    while True:
        try:
            schedule.tick(redis, steady=time.monotonic())
            up = True
        except RedisError as error:
            if up:
                log.warning("the scheduler waits for Redis", error=type(error).__name__)
            up = False
        if stopped(TICK_S):
            return
