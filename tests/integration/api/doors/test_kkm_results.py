"""GetRezult and repetitions tell of the register that a command was for, and never of another."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.doors.kkm import Json, execute, sale, shop
from tests.support.product import product, virtual_registers

from kkt_adapter.api.entry.busy import stopping
from kkt_adapter.fiscal.control.presses import Presses
from kkt_adapter.fiscal.intake.accept import ReceiptIntake
from kkt_adapter.kernel.errors import StorageError

SECOND = {"NumDevice": 2, "UnitName": "K2"}


def told(answer: Json) -> Json:
    return {name: answer.get(name) for name in SECOND}


async def test_a_report_is_told_of_the_register_that_made_it(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("K1", "K2"), shop=(shop(),)) as running:
        client = running.client
        sold = await execute(client, sale("s", NumDevice=2))
        assert told(sold) == SECOND, sold
        closed = await execute(client, {"Command": "CloseShift", "NumDevice": 2, "IdCommand": "z"})
        assert closed["Status"] == 0, closed
        put_in = {"Command": "DepositingCash", "Amount": 5, "IdCommand": "in"}
        assert (await execute(client, put_in | {"NumDevice": 2}))["Status"] == 0
        for key in ("z", "in"):
            found = await execute(client, {"Command": "GetRezult", "IdCommand": key})
            assert (told(found), told(found["Rezult"])) == (SECOND, SECOND), found
        shown = await execute(client, {"Command": "XReport", "NumDevice": 2, "IdCommand": "x"})
        found = await execute(client, {"Command": "GetRezult", "IdCommand": "x"})
        assert found["Info"]["BalanceCash"] == shown["Info"]["BalanceCash"] == 5, found
        found = await execute(client, {"Command": "GetRezult", "IdCommand": "z", "NumDevice": 7})
        assert (found["Status"], found["CheckNumber"]) == (0, closed["CheckNumber"]), found
        assert found["Info"]["FnNumber"] == closed["Info"]["FnNumber"]
        again = await execute(client, {"Command": "CloseShift", "IdCommand": "z"})
        assert (again["Status"], bool(again["Warning"]), told(again)) == (0, True, SECOND), again
        other = await execute(client, {"Command": "CloseShift", "IdCommand": "z", "NumDevice": 1})
        assert (other["Status"], "[id_used]" in other["Error"]) == (2, True), other


async def test_a_result_that_cannot_be_read_says_nothing_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads "refused" sells again, and Magic-B/kkmserver-js asks without a pause for ``Rezult``."""

    async def away(*given: Any) -> Any:
        raise StorageError("disk I/O error", "ошибка диска")

    async with product(tmp_path, shop=(shop(),)) as running:
        sold = await execute(running.client, sale("s"))
        ask = {"Command": "GetRezult", "IdCommand": "s"}
        for part, name in ((ReceiptIntake, "known"), (Presses, "outcome")):
            with monkeypatch.context() as patch:
                patch.setattr(part, name, away)
                found = await execute(running.client, ask)
            assert (found["Status"], found["Rezult"]["Status"]) == (1, 1), found
            assert found["IdCommand"] == found["Rezult"]["IdCommand"] == "s"
        assert (await execute(running.client, ask))["CheckNumber"] == sold["CheckNumber"]
        with monkeypatch.context() as patch:
            patch.setattr(Presses, "outcome", away)
            again = await execute(running.client, sale("s"))
        assert (again["Status"], again["IdCommand"]) == (1, "s"), again
        door = await next(
            way for way in running.services.app.edge._doors if way.serves("/Execute")
        ).door.get()
        stopped = json.loads(door.refusal(stopping(), {"headers": []}).body)
        assert (stopped["Status"], bool(stopped["Error"])) == (1, True), "it may be printed all the same"
        nothing = await execute(running.client, {"Command": "GetRezult"})
        assert (nothing["Status"], nothing["Rezult"]["Status"]) == (2, 2), nothing
