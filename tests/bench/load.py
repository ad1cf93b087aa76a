"""The load generator: keep-alive connections on one epoll, requests built beforehand, the same for every server.

It shares the two cores with what it measures, so it does as little as it can: one process, bytes out, a status and a length in. Bodies
are kept and checked after the clock has stopped.
"""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

DRAIN_S = 30.0
READ = 65536


@dataclass
class Phase:
    """What came back: per request that was sent its answer (None: none came) and when, latencies in seconds, the measured time."""

    answers: list[tuple[int, bytes] | None]
    came: dict[int, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        """Answers a second within the measured time."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def quantile(self, share: float) -> float:
        """The latency (s) that `share` of the answers did not exceed; 1.0 gives the slowest."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def request_bytes(path: str, body: bytes, headers: Sequence[tuple[str, str]], method: str = "POST") -> bytes:
    """One HTTP/1.1 request, ready to send."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return (head + "".join(f"{name}: {value}\r\n" for name, value in headers) + "\r\n").encode() + body


class _Line:
    """One keep-alive connection: which request is on it, since when, and what has come back."""

    __slots__ = ("number", "since", "socket", "waiting")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DRAIN_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1
        self.since = 0.0
        self.waiting = b""

    def send(self, number: int, request: bytes, since: float) -> None:
        self.number, self.since, self.waiting = number, since, b""
        self.socket.sendall(request)

    def receive(self) -> tuple[int, bytes] | None:
        """(status, body) once it is whole. Raises ConnectionError when the server hung up."""
        got = self.socket.recv(READ)
        if not got:
            raise ConnectionError("the server closed a connection")
        data = self.waiting + got if self.waiting else got
        split = data.find(b"\r\n\r\n")
        if split > 0:
            at = data.lower().find(b"content-length:", 0, split) + 15
            end = data.find(b"\r\n", at)
            if len(data) >= split + 4 + int(data[at:end]):
                return int(data[9:12]), data[split + 4 :]
        self.waiting = data
        return None


class Loader:
    """Connections to one server, reused from phase to phase."""

    def __init__(self, port: int, connections: int) -> None:
        self._lines = [_Line(port) for _ in range(connections)]
        self._poll = select.epoll()
        self._by_handle = {line.socket.fileno(): line for line in self._lines}
        for handle in self._by_handle:
            self._poll.register(handle, select.EPOLLIN)

    def close(self) -> None:
        """Hang up."""
        self._poll.close()
        for line in self._lines:
            line.socket.close()

    def closed_loop(self, requests: Sequence[bytes], seconds: float) -> Phase:
        """Every connection asks again as soon as it is answered, for `seconds`; answers that come later are kept, not timed."""
        phase = Phase([])
        clock, busy = time.perf_counter, 0
        start = clock()
        stop = start + seconds
        for line in self._lines:
            busy += self._next(line, requests, phase, clock())

        def answered(line: _Line, now: float) -> int:
            if now > stop:
                return -1
            phase.latencies.append(now - line.since)
            return self._next(line, requests, phase, now) - 1

        self._collect(phase, busy, answered)
        phase.seconds = min(seconds, clock() - start)
        return phase

    def open_loop(self, requests: Sequence[bytes], per_second: float) -> Phase:
        """One request every 1/per_second s whatever the server does; latencies count from the moment it was due."""
        phase = Phase([None] * len(requests))
        free, due_requests, busy = deque(self._lines), deque(enumerate(requests)), 0
        start = time.perf_counter()
        while due_requests or busy:
            now = time.perf_counter()
            while due_requests and free and start + due_requests[0][0] / per_second <= now:
                number, request = due_requests.popleft()
                free.popleft().send(number, request, start + number / per_second)
                busy += 1
            wait = start + due_requests[0][0] / per_second - now if due_requests and free else DRAIN_S
            for handle, _ in self._poll.poll(max(0.0, wait)):
                line = self._by_handle[handle]
                answer = line.receive()
                if answer is not None:
                    phase.came[line.number] = time.perf_counter()
                    phase.latencies.append(phase.came[line.number] - line.since)
                    phase.answers[line.number] = answer
                    free.append(line)
                    busy -= 1
        phase.seconds = time.perf_counter() - start
        return phase

    def _next(self, line: _Line, requests: Sequence[bytes], phase: Phase, now: float) -> int:
        number = len(phase.answers)
        if number >= len(requests):
            return 0
        phase.answers.append(None)
        line.send(number, requests[number], now)
        return 1

    def _collect(self, phase: Phase, busy: int, answered: Callable[[_Line, float], int]) -> None:
        clock = time.perf_counter
        while busy:
            ready = self._poll.poll(DRAIN_S)
            if not ready:
                return  # what is still None counts as lost
            for handle, _ in ready:
                line = self._by_handle[handle]
                answer = line.receive()
                if answer is not None:
                    phase.answers[line.number] = answer
                    busy += answered(line, clock())
