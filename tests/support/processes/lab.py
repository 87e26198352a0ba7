"""Labs for tests: several at once in one event loop, on one fork server of node processes."""

import asyncio
from collections.abc import Mapping, Sequence

from tests.support.services import missing

from kkt_adapter.lab.certificate import Certificate
from kkt_adapter.lab.fork_server import ForkServer
from kkt_adapter.lab.plan import LabPlan
from kkt_adapter.lab.programs import NotInstalled, check_installed
from kkt_adapter.lab.run import NODE_COMMAND, run_lab


def need_servers() -> None:
    """PostgreSQL and Redis, or skip; in CI, or fail."""
    try:
        check_installed(postgres=True, redis=True)
    except NotInstalled as what:
        missing(str(what))


def have_servers() -> bool:
    try:
        check_installed(postgres=True, redis=True)
    except NotInstalled:
        return False
    return True


def run_labs(
    plans: Mapping[str, LabPlan], *, at_once: int, nodes: Sequence[str] = NODE_COMMAND
) -> dict[str, Certificate]:
    """The certificate of each plan; their waits overlap. ``nodes``: what starts node processes."""

    async def run() -> dict[str, Certificate]:
        fork_server, gate = ForkServer(nodes), asyncio.Semaphore(at_once)
        await fork_server.open()

        async def one(plan: LabPlan) -> Certificate:
            async with gate:
                return await run_lab(plan, fork_server=fork_server)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {name: group.create_task(one(plan)) for name, plan in plans.items()}
        finally:
            await fork_server.close()
        return {name: task.result() for name, task in tasks.items()}

    return asyncio.run(run())
