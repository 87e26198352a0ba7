"""The web server's jobs: kept by register and uuid, done one after another, stopped by what blocks.

Whether a job that blocks ends ``ready`` or ``error`` is concluded as real servers do: from the FN's last
number alone, once the register answers again. A driver must not believe it.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kkt_adapter.emulators.atol.faults import AtolFault, AtolFaultMode, AtolFaultPlan
from kkt_adapter.emulators.atol.flavour import PAPER, Flavour
from kkt_adapter.emulators.atol.machine import NO_LINK, AtolMachine, DriverError
from kkt_adapter.emulators.atol.making import CASH, DocumentMaking, Result, is_fiscal
from kkt_adapter.emulators.atol.queries import Queries
from kkt_adapter.emulators.atol.reading import is_receipt
from kkt_adapter.emulators.atol.told import raw_cut
from kkt_adapter.fiscal.kkt.atol.values import read_json
from kkt_adapter.fiscal.ofd.http import json_bytes

RECHECK_S = 0.02  # between two looks of a blocked queue at its register
NO_ERROR = {"code": 0, "description": "Ошибок нет"}
INTERRUPTED, CANCELED = 502, 503
_FINAL = ("ready", "error", "interrupted", "canceled")


@dataclass(slots=True)
class Job:
    uuid: str
    number: int
    tasks: list[dict[str, Any]]
    results: list[dict[str, Any]]
    hidden: bool = False  # requests about it are cut

    @property
    def is_final(self) -> bool:
        return all(one["status"] in _FINAL for one in self.results)


@dataclass(slots=True)
class EmulatedAtolDevice:
    """One register of the web server, and its queue."""

    id: str
    machine: AtolMachine
    making: DocumentMaking
    queries: Queries
    active: bool = True
    licence: bool = True
    ofd_channel: str = "auto"
    jobs: dict[str, Job] = field(default_factory=dict)
    queue: deque[Job] = field(default_factory=deque)
    blocked: Job | None = None
    reason: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class JobServer:
    """Runs in the loop of ``start``. ``folder``: jobs survive a restart of the whole emulator there."""

    def __init__(
        self,
        devices: list[EmulatedAtolDevice],
        plan: AtolFaultPlan,
        *,
        flavour: Flavour,
        folder: Path | None = None,
    ) -> None:
        self.devices = {device.id: device for device in devices}
        self.default = devices[0].id
        self.flavour = flavour
        self.settings: dict[str, Any] = {
            "deleteRequestsAfter": 43200,
            "blockQueueOnPrintErrors": False,
            "validateRequestsOnAdd": False,
            "scriptsPath": "",
            "invertCashDrawerStatus": False,
            "additionalHeaderLines": "",
            "additionalFooterLines": "",
        }
        self.hide_in_progress = False
        self._plan = plan
        self._folder = folder
        self._workers: list[asyncio.Task[None]] = []

    def start(self) -> None:
        for device in self.devices.values():
            self._load(device)
            self._workers.append(asyncio.get_running_loop().create_task(self._work(device)))

    async def stop(self) -> None:
        """Jobs that run, or block, are forgotten; those that wait are done after the next start."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._workers.clear()
        for device in self.devices.values():
            for job in [job for job in device.jobs.values() if not job.is_final and job not in device.queue]:
                del device.jobs[job.uuid]
            device.blocked, device.reason = None, ""

    def forget(self) -> None:
        """The server loses its data base."""
        for device in self.devices.values():
            device.jobs.clear()
            device.queue.clear()
            self._file(device, "w", b"")

    def add(self, device: EmulatedAtolDevice, uuid: str, tasks: list[dict[str, Any]]) -> Job:
        results = [{"status": "wait", "error": dict(NO_ERROR), "result": None} for _ in tasks]
        job = Job(uuid=uuid, number=len(device.jobs) + 1, tasks=tasks, results=results)
        device.jobs[uuid] = job
        device.queue.append(job)
        device.wake.set()
        return job

    def cancel(self, device: EmulatedAtolDevice, job: Job) -> bool:
        """False: too late."""
        if job not in device.queue:
            return False
        device.queue.remove(job)
        for one in job.results:
            one.update(status="canceled", error={"code": CANCELED, "description": "Задание отменено"})
        self._keep(device, job)
        return True

    async def _work(self, device: EmulatedAtolDevice) -> None:
        while True:
            while device.queue:
                job = device.queue.popleft()
                await self._do(device, job)
                if job.uuid in device.jobs:
                    self._keep(device, job)
            device.wake.clear()
            await device.wake.wait()

    async def _do(self, device: EmulatedAtolDevice, job: Job) -> None:
        for n, (task, told) in enumerate(zip(job.tasks, job.results, strict=True)):
            if not self.hide_in_progress:
                told["status"] = "inProgress"
            await self._sub_task(device, job, task, told)
            if told["status"] != "ready" or (told.get("recovered") and self.flavour.rest_is_lost):
                _interrupt(job.results[n + 1 :])
                return

    async def _sub_task(
        self, device: EmulatedAtolDevice, job: Job, task: dict[str, Any], told: dict[str, Any]
    ) -> None:
        name = str(task.get("type"))
        makes = is_fiscal(name) or name in CASH
        fault = self._plan.on_job(name, makes=makes)
        before = device.machine.status().fd_number
        if fault is not None and fault.foreign and is_receipt(name):
            device.making.foreign(task)
        try:
            result = await self._run(device, job, task, fault)
        except DriverError as error:
            if is_fiscal(name) and self._blocks(error.code):
                await self._block(device, job, told, error, before)
            else:
                told.update(status="error", error=_error(error.code, error.description), result=None)
            return
        told.update(status="ready", error=dict(NO_ERROR), result=result)
        if fault is not None and fault.mode is AtolFaultMode.DELETED:
            del device.jobs[job.uuid]

    async def _run(
        self, device: EmulatedAtolDevice, job: Job, task: dict[str, Any], fault: AtolFault | None
    ) -> Result | None:
        """The result as the server keeps it: true, or as the fault says."""
        if device.queries.knows(str(task.get("type"))):
            return _answer(device.queries.run(task), fault)
        mode = None if fault is None else fault.mode
        code = 0 if fault is None else fault.code
        if fault is not None and mode is AtolFaultMode.HIDE:
            job.hidden = True
        if fault is not None and mode is AtolFaultMode.SLOW:
            await asyncio.sleep(fault.delay_s)
        if mode is AtolFaultMode.ERROR:
            raise DriverError(code, "Ошибка (задана эмулятору)")
        if mode is AtolFaultMode.READY_NOTHING:
            return None
        if mode is AtolFaultMode.READY_OTHER:
            return device.making.last_params()
        result = device.making.run(task, lambda at: self._cut(device.machine, fault, at))
        match mode:
            case AtolFaultMode.ERROR_CLOSED:
                raise DriverError(code, "Ошибка (задана эмулятору)")
            case AtolFaultMode.READY_NULL:
                return None
            case AtolFaultMode.READY_FLAT:
                return device.making.last_params()
            case AtolFaultMode.PAPER_ENDS:
                device.machine.paper = False
                if result is not None:
                    result["warnings"] = {"notPrinted": True}
        return result

    def _cut(self, machine: AtolMachine, fault: AtolFault | None, at: str) -> None:
        """The link breaks before or after the document was closed."""
        wanted = {"before": AtolFaultMode.LINK_BEFORE, "after": AtolFaultMode.LINK_AFTER}[at]
        if fault is None or fault.mode is not wanted:
            return
        machine.linked = False
        if fault.delay_s >= 0:
            loop = asyncio.get_running_loop()
            loop.call_later(fault.delay_s, lambda: setattr(machine, "linked", True))
        raise DriverError(fault.code or NO_LINK, "Нет связи")

    def _blocks(self, code: int) -> bool:
        return code in self.flavour.blocking or (
            code in PAPER and self.settings["blockQueueOnPrintErrors"] is True
        )

    async def _block(
        self, device: EmulatedAtolDevice, job: Job, told: dict[str, Any], error: DriverError, before: int
    ) -> None:
        told.update(status="blocked", error=_error(error.code, error.description))
        device.blocked, device.reason = job, _reason(error.code)
        if self.flavour.rest_is_lost:
            _interrupt([one for one in job.results if one["status"] == "wait"])
        while not device.machine.linked or (error.code in PAPER and not device.machine.paper):  # noqa: ASYNC110 - it looks, as real servers do
            await asyncio.sleep(RECHECK_S)
        device.blocked, device.reason = None, ""
        after = device.machine.status().fd_number
        if after == before:
            told["status"] = "error"
            return
        params = device.making.last_params()
        poor = {"fiscalParams": {"fiscalDocumentNumber": after}, "warnings": {"recovered": True}}
        told.update(
            status="ready", error=dict(NO_ERROR), result=params if self.flavour.flat_recovery else poor
        )
        told["recovered"] = True

    def _keep(self, device: EmulatedAtolDevice, job: Job) -> None:
        line = json_bytes(
            {"uuid": job.uuid, "number": job.number, "tasks": job.tasks, "results": job.results}
        )
        self._file(device, "a", line + b"\n")

    def _load(self, device: EmulatedAtolDevice) -> None:
        path = self._path(device)
        if path is None or not path.is_file() or device.jobs:
            return
        for line in path.read_bytes().splitlines():
            kept = read_json(line)
            device.jobs[kept["uuid"]] = Job(**kept)

    def _file(self, device: EmulatedAtolDevice, mode: str, content: bytes) -> None:
        path = self._path(device)
        if path is not None:
            with path.open(mode + "b") as file:
                file.write(content)

    def _path(self, device: EmulatedAtolDevice) -> Path | None:
        return None if self._folder is None else self._folder / f"jobs-{device.id}.jsonl"


def _interrupt(results: list[dict[str, Any]]) -> None:
    for one in results:
        one.update(status="interrupted", error=_error(INTERRUPTED, "Прервано из-за ошибки"))


def _error(code: int, description: str) -> dict[str, Any]:
    return {"code": code, "description": description}


def _reason(code: int) -> str:
    if code in PAPER:
        return "paperError"
    return "connectionError" if code in (1, 2, 3, 4, 241) else "fnError"


def results_json(job: Job, *, flat: bool) -> bytes:
    """``flat``: as the older web server answers, errors beside the status."""
    told = []
    for one in job.results:
        shown = {name: value for name, value in one.items() if name != "recovered"}
        if flat:
            error = shown.pop("error")
            shown |= {"errorCode": error["code"], "errorDescription": error["description"]}
        told.append(shown)
    return json_bytes({"results": told})


def _answer(result: Result | None, fault: AtolFault | None) -> Result | None:
    """To a question: true, or as the fault says."""
    match None if fault is None else fault.mode:
        case AtolFaultMode.ERROR:
            raise DriverError(fault.code if fault else 0, "Ошибка (задана эмулятору)")
        case AtolFaultMode.READY_NULL | AtolFaultMode.READY_NOTHING:
            return None
        case AtolFaultMode.RAW_CUT if result is not None and "rawData" in result:
            return result | {"rawData": raw_cut(result["rawData"], fault.at if fault else 0)}
    return result
