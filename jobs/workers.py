"""The RQ worker of the house: it has everything imported before it forks, so that a job costs a fork and no start-up."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from rq import Queue, Worker
from rq.serializers import JSONSerializer

from server import defer
from server.db import base, redis_client

WORKER_TTL_S = 30  # a worker that was killed is missed after this long, and its jobs are found
MAINTENANCE_S = 10
MONITORING_S = 5


class ForkWorker(Worker):  # type: ignore[misc]
    """A child for every job; it must not touch its parent's database connections."""

    def main_work_horse(self, job: Any, queue: Any) -> None:
        """In the child, before the job."""
        base.dispose(close=False)
        super().main_work_horse(job, queue)


def preload() -> None:
    """Import what the jobs need, and keep it out of every later garbage collection. PDF and Excel libraries load in their jobs."""
    for module in sorted({job.path.rpartition(".")[0] for job in defer.JOBS.values()}):
        import_module(module)
    import_module("jobs.entry")
    import_module("server.wechat.client")
    gc.collect()
    gc.freeze()


def work(queues: Sequence[str], *, burst: bool) -> None:
    """Work on these queues, the first one first, until a signal (or, in a burst, until all are empty)."""
    redis = redis_client.patient()
    made = ForkWorker(
        [Queue(name, connection=redis, serializer=JSONSerializer) for name in queues],
        connection=redis,
        serializer=JSONSerializer,
        worker_ttl=WORKER_TTL_S,
        maintenance_interval=MAINTENANCE_S,
        job_monitoring_interval=MONITORING_S,
        log_job_description=False,
    )
    made.work(burst=burst, logging_level="WARNING")
