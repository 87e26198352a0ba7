"""A process that has imported the whole product and forks on demand, for `tests.support.processes.forked`.

A fork runs what ``python -m`` would run, without the seconds of imports. It becomes a child of the test
process, which has made itself the one that orphans are given to (prctl(2), PR_SET_CHILD_SUBREAPER), so it is
waited for and killed as any child. ``python -m tests.support.processes.fork_server FD``: the socket for the
orders.
"""

import atexit
import gc
import json
import os
import random
import runpy
import socket
import sys
import threading
import time
import traceback
from typing import Any

import kkt_adapter.api.framework.app
import kkt_adapter.api.ui.site
import kkt_adapter.bootstrap.atol_door
import kkt_adapter.bootstrap.kkmserver
import kkt_adapter.bootstrap.product
import kkt_adapter.bootstrap.web_services
import kkt_adapter.cli
import kkt_adapter.cli.service.serve
import kkt_adapter.lab.inside.around
import kkt_adapter.lab.timing  # noqa: F401
from kkt_adapter.lab.servers import end_with_parent

MESSAGE_BYTES = 65536


def serve(link: socket.socket) -> None:
    """Fork for each order until the test process goes."""
    gc.collect()
    gc.freeze()
    while True:
        order, descriptors, _, _ = socket.recv_fds(link, MESSAGE_BYTES, 3)
        if not order:
            return
        told_out, told_in = os.pipe()
        between = os.fork()
        if between == 0:
            own = os.getpid()
            pid = os.fork()
            if pid == 0:
                os.close(told_in)
                link.close()
                _live(json.loads(order), descriptors, between=own, until_told=told_out)
            os.write(told_in, str(pid).encode())
            os._exit(0)  # so that the fork is an orphan
        os.close(told_in)
        os.waitpid(between, 0)
        link.send(os.read(told_out, 32))
        for descriptor in (told_out, *descriptors):
            os.close(descriptor)


def _live(order: dict[str, Any], descriptors: list[int], *, between: int, until_told: int) -> None:
    """The life of one fork, from what ``subprocess`` does before a program to what Python does after it."""
    code = 1
    try:
        while os.getppid() == between:
            time.sleep(0.001)
        end_with_parent()
        os.close(until_told)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(order["cwd"])
        os.environ.clear()
        os.environ.update(order["environment"])
        random.seed()
        module, *sys.argv[1:] = order["arguments"]
        code = _run(module)
    finally:
        os._exit(code)


def _run(module: str) -> int:
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as given:
        serve(given)
