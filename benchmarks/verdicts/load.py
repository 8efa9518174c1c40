"""Something else that loads every core: for runs that show whether verdicts depend on what the host does besides."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from appsplus.judge import available_cpus

_BURN = "from benchmarks.verdicts.load import burn; import sys; burn(int(sys.argv[1]), int(sys.argv[2]))"
_MEGABYTES = 64


@contextmanager
def loaded() -> Iterator[int]:
    """Keep a process per core busy while the block runs; says how many."""
    count = available_cpus()
    parent = str(os.getpid())
    command = [sys.executable, "-c", _BURN]
    processes = [subprocess.Popen([*command, parent, str(seed)], start_new_session=True) for seed in range(count)]
    try:
        yield count
    finally:
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()


def burn(parent: int, seed: int) -> None:
    """Alternate arithmetic, and writing over 64 MiB, in bursts of random length, until the parent is gone."""
    chance = random.Random(seed)
    memory = bytearray(_MEGABYTES << 20)
    while os.getppid() == parent:
        until = time.monotonic() + chance.uniform(0.05, 2.0)
        if chance.random() < 0.5:
            while time.monotonic() < until:
                sum(range(10_000))
        else:
            while time.monotonic() < until:
                memory[:] = bytes([chance.randrange(256)]) * len(memory)
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0.0, 0.2))
