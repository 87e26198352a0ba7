"""Checks of marking codes before a receipt (FFD 1.2): begin, wait, accept; each a job of its own.

``validateMarkingCodes`` of a receipt is not used: it waits a minute for each code inside the job and ends the
receipt where the marking system cannot be reached. Source: docs/reference/atol.md, Marking.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from kkt_adapter.fiscal.kkt.atol.answers import JobStatus, SubResult
from kkt_adapter.fiscal.kkt.atol.jobs import Jobs, Patience
from kkt_adapter.fiscal.kkt.atol.task import mark_params
from kkt_adapter.fiscal.kkt.atol.troubles import refused
from kkt_adapter.fiscal.kkt.atol.values import flag, optional_whole
from kkt_adapter.fiscal.model import Receipt
from kkt_adapter.kernel.errors import KktRefused, KktUnavailable
from kkt_adapter.kernel.jsontext import JsonObject

MARK_REFUSED = 402  # the code we give when we refuse for the device
_CHECK = (
    "imcCheckFlag",
    "imcCheckResult",
    "imcStatusInfo",
    "imcEstimatedStatusCorrect",
    "ecrStandAloneFlag",
)
"""Bits 0 to 4 of 2106, in order; all of them must be in ``itemInfoCheckResult``."""


class MarkChecks:
    def __init__(self, jobs: Jobs, *, patience: Patience, monotonic: Callable[[], float]) -> None:
        self._jobs = jobs
        self._patience = patience
        self._monotonic = monotonic

    async def check(self, receipt: Receipt) -> dict[int, JsonObject]:
        """``itemInfoCheckResult`` of every marked line by its index.

        Raises:
            KktRefused: a code must not be sold. KktUnavailable, KktBlocked: not now.
        """
        marked = [n for n, line in enumerate(receipt.lines) if line.mark_code is not None]
        if not marked:
            return {}
        await self._one({"type": "clearMarkingCodeValidationResult"})
        return {n: await self._check(receipt, n) for n in marked}

    async def _check(self, receipt: Receipt, index: int) -> JsonObject:
        params = mark_params(receipt.lines[index], receipt.operation)
        begun = await self._one({"type": "beginMarkingCodeValidation", "params": params})
        if begun.status is not JobStatus.READY:  # an earlier check was cut off
            await self._one({"type": "cancelMarkingCodeValidation"})
            begun = await self._ready({"type": "beginMarkingCodeValidation", "params": params})
        await self._until_ready()
        accepted = await self._ready({"type": "acceptMarkingCode"})
        found = (accepted.result or {}).get("itemInfoCheckResult")
        check = {name: flag(found, name) for name in _CHECK}
        if must_not_be_sold(check, begun.result):
            await self._one({"type": "clearMarkingCodeValidationResult"})
            bits = sum(1 << n for n, name in enumerate(_CHECK) if check[name])
            raise KktRefused(
                f"The marking code must not be sold: checks gave {bits} (2106).",
                f"Товар с этим кодом маркировки продавать нельзя: результат проверки {bits} (2106).",
                device_code=MARK_REFUSED,
            )
        return check

    async def _until_ready(self) -> None:
        """What nobody could ask the server is told by the flags; a check that hangs is given up."""
        until, pause_s = self._monotonic() + self._patience.mark_s, self._patience.first_pause_s
        while self._monotonic() < until:
            told = await self._one({"type": "getMarkingCodeValidationStatus"})
            if flag(told.result, "ready") or "ready" not in (told.result or {}):
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, self._patience.longest_pause_s)
        await self._one({"type": "cancelMarkingCodeValidation"})
        raise KktUnavailable(
            "The check of a marking code takes too long.", "Проверка кода маркировки длится слишком долго."
        )

    async def _one(self, task: dict[str, Any]) -> SubResult:
        return (await self._jobs.ask([task], timeout_s=self._patience.mark_s))[0]

    async def _ready(self, task: dict[str, Any]) -> SubResult:
        found = await self._one(task)
        if found.status is not JobStatus.READY:
            raise refused(found.code, found.description)
        return found


def must_not_be_sold(check: dict[str, bool], begun: dict[str, Any] | None) -> bool:
    """A check that was made and came out negative, by the server or by the FN. What nobody could check is
    sold: the bits of 2106 say so in the document."""
    offline = (begun or {}).get("offlineValidation")
    unchecked_by_fn = optional_whole(offline, "fmCheckErrorReason") not in (0, None)
    by_server = check["imcStatusInfo"] and not check["imcEstimatedStatusCorrect"]
    by_fn = check["imcCheckFlag"] and not check["imcCheckResult"] and not unchecked_by_fn
    return by_server or by_fn
