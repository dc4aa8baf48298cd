"""A Dask scheduler and workers as processes of their own on the loopback address, for tests that kill them."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

DASK = [sys.executable, "-m", "dask"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Cluster:
    """Use as a context; starts nothing until told. At the end it prints what the processes said, which pytest shows where a test failed."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.scheduler = None
        self.workers: list[subprocess.Popen] = []

    def run(self, *line: str, **environment: str) -> subprocess.Popen:
        with open(self.folder / f"{line[0]}-{len(self.workers)}.log", "ab") as said:
            return subprocess.Popen(
                [*DASK, *line], cwd=self.folder, env=os.environ | environment, start_new_session=True, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def start_scheduler(self) -> None:
        self.scheduler = self.run("scheduler", "--host", "127.0.0.1", "--port", str(self.port), "--no-dashboard", "--no-show")

    def start_worker(self, **environment: str) -> None:
        where = ["--host", "127.0.0.1", "--local-directory", str(self.folder)]
        self.workers.append(self.run("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", *where, **environment))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in [*self.workers, *filter(None, [self.scheduler])]:
            kill(process)
        for path in sorted(self.folder.glob("*.log")):
            print(f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}")


def kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(true, seconds: float = 30.0, every: float = 0.05) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(every)
    return bool(true())
