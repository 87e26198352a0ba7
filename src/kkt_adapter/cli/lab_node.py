"""The fault lab's node processes: ``python -m kkt_adapter.cli.lab_node``, started by the lab and by nobody
else.

A node runs what ``kkt-adapter serve`` runs, on a loop and a clock that are faster, with probes around its
seams.
"""

import asyncio
import importlib

NEEDED = (
    "aiohttp.web",
    "alembic.command",
    "alembic.config",
    "apscheduler.executors.asyncio",
    "kkt_adapter.api.framework.app",
    "kkt_adapter.api.ui.site",
    "kkt_adapter.api.wire.server",
    "kkt_adapter.bootstrap",
    "kkt_adapter.bootstrap.atol_door",
    "kkt_adapter.bootstrap.kkmserver",
    "kkt_adapter.bootstrap.web_services",
    "kkt_adapter.cli.service.banner",
    "kkt_adapter.cli.service.demo",
    "kkt_adapter.cli.service.serve",
    "kkt_adapter.lab.inside.node",
    "kkt_adapter.runtime.auth.demo",
    "kkt_adapter.runtime.memory",
    "kkt_adapter.runtime.systemd",
    "uvicorn.lifespan.off",
)
"""What a service imports only when it starts: a node finds it there, as it starts thousands of times."""


def main() -> None:
    """Import everything once, then fork nodes."""
    from kkt_adapter.lab.fork_server import serve_forks

    import_all()
    serve_forks(run)


def import_all() -> None:
    for name in NEEDED:
        importlib.import_module(name)


def run(spec: object) -> int:
    """One node, from its start to its end; the exit code is that of ``kkt-adapter serve``."""
    from kkt_adapter.cli.service.serve import run_service, say_why, survive_hang_up
    from kkt_adapter.kernel.errors import AdapterError
    from kkt_adapter.lab.fork_server import NodeSpec
    from kkt_adapter.lab.inside.node import Node
    from kkt_adapter.lab.timing import LabLoop
    from kkt_adapter.runtime import memory
    from kkt_adapter.runtime.log import LogFormat, configure_logging
    from kkt_adapter.runtime.log_lines import STDERR, LogLines

    assert isinstance(spec, NodeSpec)
    node = Node(spec)
    settings = node.settings
    lines = LogLines(STDERR)
    survive_hang_up(lines)
    configure_logging(level=settings.log_level, log_format=LogFormat.JSON, stream=lines)
    memory.tune()
    try:
        with asyncio.Runner(loop_factory=lambda: LabLoop(spec.scale)) as runner:
            runner.run(run_service(settings, demo=False, build=node.build))
    except AdapterError as error:
        say_why(error)
        return 2
    finally:
        lines.close()
    return 0


if __name__ == "__main__":
    main()
