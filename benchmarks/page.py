"""The page under load: how soon it answers after its start, how fast, and whether its memory stays flat.

    python benchmarks/page.py [--seconds 30] [--requests 20000]        writes page.json

A small model is trained first. Then, over real sockets: the time from the launch of `python -m bcdetect serve` to its first
answer; a one-row `/api/predict` at 1, 10 and 50 concurrent clients, each sending the next request when the last is answered; and
the server's resident memory while thousands more are answered. The clients run in a process of their own, on the server's cores.
"""

import argparse
import asyncio
import contextlib
import io
import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np
from machine import finish, spread

from bcdetect.bundle import load_classifier
from bcdetect.cli import main as bcdetect

STARTS = 9
READY = re.compile(rb"http://127\.0\.0\.1:(\d+)")


def main() -> None:
    """Train a small model, serve it, and measure its start, its answers under load and its memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="of each load")
    parser.add_argument("--requests", type=int, default=20_000, help="while memory is watched")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            bcdetect(["train", "--epochs", "20", "--quiet", "--out", f"{folder}/models/small"])
        classifier, _ = load_classifier(f"{folder}/models/small/model.npz")
        row = dict(zip(classifier.feature_names, classifier.preprocessing.mean.tolist(), strict=True))
        request = post("/api/predict", {"rows": [row]})
        starts = [started(folder) for _ in range(STARTS)]
        print(
            f"start to first answer: {statistics.median(starts):.2f} s (median of {STARTS}; {min(starts):.2f}-{max(starts):.2f})"
        )
        with server(folder) as (process, port):
            loads = {}
            for clients in (1, 10, 50):
                loads[clients] = loaded(port, request, clients, options.seconds)
                print(told(clients, loads[clients]), flush=True)
            memory = watched(process.pid, port, request, options.requests)
    growth = memory["MiB"][-1] - memory["MiB"][1]
    print(f"memory after each tenth of {options.requests:,} requests, MiB: {', '.join(f'{m:.1f}' for m in memory['MiB'])}")
    print(f"grown by {growth:+.1f} MiB from the first tenth to the last; errors {memory['errors']}")
    finish("page", {"start_seconds": spread(starts), "loads": loads, "memory": memory})


def post(path: str, content: dict) -> bytes:
    """A whole request, as bytes."""
    body = json.dumps(content).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextlib.contextmanager
def server(folder: str):
    """The server's process, and its port."""
    words = [sys.executable, "-u", "-m", "bcdetect", "serve", "--models", f"{folder}/models", "--port", "0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        try:
            yield process, int(READY.search(process.stdout.readline())[1])
        finally:
            process.terminate()


def started(folder: str) -> float:
    """Seconds from the launch to the first answer."""
    begin = time.perf_counter()
    with server(folder) as (_, port), urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
        answer.read()
        return time.perf_counter() - begin


async def client(port: int, request: bytes, go_on, seconds: list[float], errors: list[str]) -> None:
    """One connection; each request follows the answer before."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while go_on():
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        body = await reader.readexactly(length)
        seconds.append(time.perf_counter() - begin)
        if not head.startswith(b"HTTP/1.1 200") or b'"probabilities"' not in body:
            errors.append(head.split(b"\r\n")[0].decode())
    writer.close()


def loaded(port: int, request: bytes, clients: int, length: float) -> dict:
    """Latencies and errors of so many clients at once for so many seconds."""
    taken, errors = [], []

    async def all_clients():
        end = time.perf_counter() + length
        await asyncio.gather(*(client(port, request, lambda: time.perf_counter() < end, taken, errors) for _ in range(clients)))

    asyncio.run(all_clients())
    quantiles = np.quantile(taken, [0.5, 0.95, 0.99]) * 1000
    found = dict(zip(("median_ms", "p95_ms", "p99_ms"), quantiles.tolist(), strict=True))
    return {"requests": len(taken), "a_second": len(taken) / length, **found, "errors": errors}


def told(clients: int, load: dict) -> str:
    """A load as a line."""
    return (
        f"{clients:3} clients: {load['requests']:,} answers, {load['a_second']:.0f} a second, {len(load['errors'])} errors; "
        f"median {load['median_ms']:.1f} ms, 95 % {load['p95_ms']:.1f}, 99 % {load['p99_ms']:.1f}"
    )


def watched(pid: int, port: int, request: bytes, count: int) -> dict:
    """Resident MiB before, and after every tenth of `count` requests by ten clients."""
    found, errors = [resident(pid)], []
    for _ in range(10):
        left = iter(range(count // 10))

        async def tenth(left=left):
            await asyncio.gather(*(client(port, request, lambda: next(left, None) is not None, [], errors) for _ in range(10)))

        asyncio.run(tenth())
        found.append(resident(pid))
    return {"requests": count, "MiB": found, "errors": errors}


def resident(pid: int) -> float:
    """What the system says that a process holds, in MiB. Linux only."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


if __name__ == "__main__":
    main()
