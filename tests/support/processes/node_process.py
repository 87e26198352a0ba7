"""One node in a process of its own: ``python -m tests.support.processes.node_process JSON``.

It runs what ``kkt-adapter serve`` runs, on the fault lab's loop and clock, so that every duration of the
product is divided by ``scale``, and with the lab's named points around its seams. A line of JSON on its input
arms one.
"""

import asyncio
import atexit
import json
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kkt_adapter.bootstrap import Seams, Services, build_services
from kkt_adapter.cli.service.serve import run_service
from kkt_adapter.lab.inside.around import ProbedDatabase, ProbedGateway, ProbedHttpOfd, probed_driver
from kkt_adapter.lab.inside.probes import Probes
from kkt_adapter.lab.timing import LabClock, LabLoop
from kkt_adapter.runtime.leases.pass_lock import EXPIRY_S
from kkt_adapter.runtime.log import LogFormat, configure_logging
from kkt_adapter.runtime.log_lines import STDERR, LogLines
from kkt_adapter.settings import Settings, load_settings


def main(order: dict[str, Any]) -> None:
    scale = float(order["scale"])
    settings = load_settings(file=Path(order["config"]), overrides={"port": order["port"]})
    lines = LogLines(STDERR)
    configure_logging(level=settings.log_level, log_format=LogFormat.JSON, stream=lines)
    atexit.register(lines.close)
    told = Path(order["points"])

    def tell(what: str, point: str) -> None:
        with told.open("a") as file:
            file.write(f"{what}={point}\n")

    probes = Probes(tell)
    if order["armed"]:
        arm(probes, order["armed"])
    threading.Thread(target=listen, args=(probes, tell), daemon=True).start()

    async def build(settings: Settings, *, demo: bool = False) -> Services:
        return await build_services(
            settings,
            demo=demo,
            clock=LabClock(scale=scale, epoch=time.time(), offset_s=order["offset_s"]),
            seams=Seams(
                database=lambda database: ProbedDatabase(database, probes),
                driver=lambda driver: probed_driver(driver, probes),
                gateway=lambda gateway: ProbedGateway(gateway, probes),
                http=lambda gateway: ProbedHttpOfd(gateway, probes),
                lock_expiry_s=max(2, round(EXPIRY_S / scale)),
            ),
        )

    with asyncio.Runner(loop_factory=lambda: LabLoop(scale)) as runner:
        runner.run(run_service(settings, demo=False, build=build))


def listen(probes: Probes, tell: Callable[[str, str], None]) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        arm(probes, order)
        tell("armed", order["point"])


def arm(probes: Probes, order: dict[str, str]) -> None:
    probes.arm({order["point"]}, kind=signal.Signals[order["signal"]])


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
