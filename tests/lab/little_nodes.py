"""Node processes that are nothing but a process: they start while a file is there, and wait for a signal."""

import json
import os
import signal
import socket
import sys
from pathlib import Path

from kkt_adapter.lab.fork_server import NodeSpec, serve_forks

COMMAND = (sys.executable, "-m", "tests.lab.little_nodes")
NOT_STARTED = 2


def run(spec: NodeSpec) -> int:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup hands down that it is ignored
    if not Path(spec.settings["database"]).exists():
        return NOT_STARTED
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.connect(spec.control)
        for said in ({"hello": {"name": spec.name, "pid": os.getpid()}}, {"built": spec.name}):
            control.sendall(json.dumps(said).encode() + b"\n")
        signal.pause()
    return 0


if __name__ == "__main__":
    serve_forks(run)
