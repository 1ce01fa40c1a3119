"""Celery as an entrant of Warren's bench: answers requests, one JSON object a line (bench/peer_protocol.go).

The process publishes; `celery worker` runs beside it for as long as a request needs it. Its processes tell when
each task was started through memory that all of them share, by CLOCK_MONOTONIC, which is one on a machine.
"""

import json
import mmap
import os
import random
import struct
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone

import celery
import kombu
from celery import Celery, signals

POOL = os.environ["BENCH_VARIANT"]
PAYLOAD = {"pad": "x" * (int(os.environ["BENCH_PAYLOAD"]) - len('{"pad":""}'))}
CONCURRENCY = 10
PUBLISHERS = 10  # threads, as many as Celery's pool has connections by default

app = Celery("bench", broker=os.environ["BENCH_URL"])
app.conf.update(
    task_acks_late=True,  # at least once: a task is acknowledged when it has been run,
    task_reject_on_worker_lost=True,  # and comes back where its process dies
    task_ignore_result=True,
    task_default_delivery_mode="persistent",
    task_default_queue="bench",
    task_serializer="json",
    broker_transport_options={"confirm_publish": True},
    worker_prefetch_multiplier=20,  # times the concurrency: 200, as the loop
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_connection_retry=False,
)


publishers = ThreadPoolExecutor(PUBLISHERS)


class Board:
    """What tasks have been started, in a file that all processes map.

    Each process (and each thread) that runs tasks has a line of its own: how many tasks it has started, and when
    the first and the last. Behind them is a time for each task that has a number.
    """

    LINES = 64
    LINE = struct.Struct("qqq")

    def __init__(self, path, tasks=0):
        if not os.path.exists(path):
            with open(path, "wb") as file:
                file.truncate(self.LINES * self.LINE.size + 8 * max(tasks, 1))
        self.file = open(path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)

    def started(self, line, number):
        now = time.monotonic_ns()
        at = line * self.LINE.size
        count, first, _ = self.LINE.unpack_from(self.map, at)
        self.LINE.pack_into(self.map, at, count + 1, first or now, now)
        if number is not None:
            struct.pack_into("q", self.map, self.LINES * self.LINE.size + 8 * number, now)

    def read(self):
        lines = [self.LINE.unpack_from(self.map, i * self.LINE.size) for i in range(self.LINES)]
        used = [line for line in lines if line[0]]
        if not used:
            return 0, 0, 0
        return sum(line[0] for line in used), min(line[1] for line in used), max(line[2] for line in used)

    def time_of(self, number):
        return struct.unpack_from("q", self.map, self.LINES * self.LINE.size + 8 * number)[0]

    def close(self):
        self.map.close()
        self.file.close()


class Runner:
    """The worker's side: whoever runs tasks has a line of the board."""

    def __init__(self):
        self.board = Board(os.environ["BENCH_BOARD"]) if "BENCH_BOARD" in os.environ else None
        self.local = threading.local()
        self.lock = threading.Lock()
        self.lines = 0
        self.index = 0  # of the process in a pool of processes

    def line(self):
        if POOL == "prefork":
            return self.index
        if not hasattr(self.local, "line"):
            with self.lock:
                self.local.line, self.lines = self.lines, self.lines + 1
        return self.local.line


runner = Runner()


@signals.worker_process_init.connect
def number_process(**_):
    from billiard import current_process

    runner.index = current_process().index


@app.task(name="bench.task", bind=True)
def task(self, pad=None, number=None):
    runner.board.started(runner.line(), number)


class Worker:
    """`celery worker` for as long as a request needs it."""

    def __init__(self, tasks):
        self.folder = tempfile.TemporaryDirectory(prefix="warren-celery-")
        path = os.path.join(self.folder.name, "board")
        self.board = Board(path, tasks)
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "worker"],
            env={**os.environ, "BENCH_BOARD": path, "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # its banner; errors go to stderr
        )

    def wait_for(self, count, limit):
        """Wait until so many tasks have been started, or the limit is over."""
        deadline = time.monotonic() + limit
        while self.board.read()[0] < count and time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the worker has ended with {self.process.returncode}")
            time.sleep(0.002)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.board.close()
        self.folder.cleanup()


def publish(producer, number=None, eta=None):
    kwargs = PAYLOAD if number is None else {**PAYLOAD, "number": number}
    task.apply_async(kwargs=kwargs, eta=eta, producer=producer)


def enqueue(count, delay):
    """One call a task, each of which waits for its confirm: Celery has no call for many. So threads call,
    each on a connection of its own."""
    eta = datetime.now(timezone.utc) + timedelta(seconds=delay) if delay else None

    def some(share):
        with app.producer_or_acquire() as producer:
            for _ in range(share):
                publish(producer, eta=eta)

    shares = [count // PUBLISHERS + (i < count % PUBLISHERS) for i in range(PUBLISHERS)]
    list(publishers.map(some, shares))


def warm(worker, limit):
    """Have the worker run one task, so that it is known to consume, and forget it."""
    with app.producer_or_acquire() as producer:
        publish(producer)
    worker.wait_for(1, limit)
    if worker.board.read()[0] < 1:
        raise RuntimeError("the worker has run nothing within the limit")
    worker.board.map[: Board.LINES * Board.LINE.size] = bytes(Board.LINES * Board.LINE.size)


def perform(request, stack):
    """What came of a request. The worker is closed with the stack, after the answer, so that its memory can be
    looked at before."""
    count, limit = request["count"], request.get("limit_ms", 0) / 1000
    do, delay = request["do"], request.get("delay_ms", 0) / 1000
    if do == "enqueue":
        began = time.monotonic()
        enqueue(count, delay)
        return {"count": count, "seconds": time.monotonic() - began}
    worker = stack.enter_context(closing(Worker(count if do in ("latency", "delays") else 0)))
    if do == "drain":
        worker.wait_for(count, limit)
        done, first, last = worker.board.read()
        return {"count": min(done, count), "seconds": max(last - first, 1) / 1e9}
    warm(worker, limit)
    if do == "both":
        began = time.monotonic_ns()
        enqueue(count, 0)
        worker.wait_for(count, limit)
        done, _, last = worker.board.read()
        return {"count": min(done, count), "seconds": max(last - began, 1) / 1e9}
    times = timed(worker, count, request["rate"], delay, limit)
    return {"count": len(times), "seconds": 0, "times_ns": times}


def timed(worker, count, rate, delay, limit):
    """Publish at a rate, and take the time of each task."""
    since = []
    begin = time.monotonic()
    with app.producer_or_acquire() as producer:
        for number in range(count):
            time.sleep(max(0, begin + number / rate - time.monotonic()))
            now, eta = time.monotonic_ns(), None
            if delay:
                by = random.uniform(0, delay)
                now, eta = now + int(by * 1e9), datetime.now(timezone.utc) + timedelta(seconds=by)
            since.append(now)
            publish(producer, number, eta)
    worker.wait_for(count, limit)
    started = [worker.board.time_of(number) for number in range(count)]
    return [at - since[number] for number, at in enumerate(started) if at]


def serve():
    versions = f"Celery {celery.__version__}, Kombu {kombu.__version__}, Python {sys.version.split()[0]}"
    print(json.dumps({"versions": versions}), flush=True)
    for line in sys.stdin:
        with ExitStack() as stack:
            try:
                answer = perform(json.loads(line), stack)
            except Exception as error:  # whatever it is, the bench is told
                answer = {"count": 0, "seconds": 0, "error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        app.worker_main(
            ["worker", f"--pool={POOL}", f"--concurrency={CONCURRENCY}", "--loglevel=ERROR"]
            + ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        )
    else:
        serve()
