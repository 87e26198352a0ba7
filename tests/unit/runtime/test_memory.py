"""What is set once for the whole process is tried in a process of its own."""

import subprocess
import sys

import pytest

GROW = """
import sys, threading, zlib
from kkt_adapter.runtime import memory
if sys.argv[1] == "tuned":
    memory.tune()
gate = threading.Barrier(9)
def work():
    zlib.compressobj()  # memory of C, not Python's own
    gate.wait(); gate.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
gate.wait()
heaps = sum(line.split("-")[0].endswith("000000") and "rw-p" in line for line in open("/proc/self/maps"))
gate.wait()
print(heaps)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator is set on Linux alone")
def test_threads_share_one_heap() -> None:
    def heaps(how: str) -> int:
        run = subprocess.run([sys.executable, "-c", GROW, how], capture_output=True, check=True, text=True)
        return int(run.stdout)

    assert heaps("tuned") < heaps("left alone")


def test_the_collector_runs_rarely() -> None:
    code = "import gc; from kkt_adapter.runtime import memory; memory.tune(); print(gc.get_threshold())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert run.stdout.strip() == "(50000, 20, 50)"
