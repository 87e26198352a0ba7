"""A register that must not work is stopped alone, says why, and leaves the others at work."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.product import Product, product, sale, virtual_registers

from kkt_adapter.fiscal.kkt.virtual import FaultPlan, fn_path
from kkt_adapter.fiscal.store import counters
from kkt_adapter.kernel.ids import RegisterId
from kkt_adapter.settings import RegisterSettings

BAD, GOOD = "BAD", "GOOD"


def registers(**changes: Any) -> tuple[RegisterSettings, ...]:
    """Two registers; the changes are those of the bad one."""
    return (*virtual_registers(BAD, **changes), *virtual_registers(GOOD))


async def stopped(running: Product) -> bool:
    return running.lane(BAD).blocked is not None


async def told_in_status(running: Product) -> dict[str, Any]:
    (register,) = (await running.get("/v1/kkt/status", pos_id=BAD))["registers"]
    trouble: dict[str, Any] = register["trouble"]
    return trouble


async def alerted(running: Product) -> bool:
    alerts = (await running.get("/v1/kkt/buffer/status"))["alerts"]
    return any(a["code"] == "KKT_BLOCKED" and BAD in a["message"] for a in alerts)


async def is_stopped_alone(running: Product, *, reason: str, cause: str) -> None:
    """Refused with cause and remedy, nothing stored; seen in status, health and alerts; the other sells."""
    await running.until(lambda: stopped(running))
    before = await running.read(counters.read)
    refused = await running.post(sale(till=BAD))
    assert refused.status_code == 503
    problem = refused.json()
    assert (problem["code"], problem["reason"]) == ("KKT_BLOCKED", reason)
    assert cause in problem["detail"]
    assert str(running.folder) not in refused.text
    assert await running.read(counters.read) == before

    assert cause in (await told_in_status(running))["message"]
    health = await running.get("/v1/health")
    assert health["status"] == "degraded"  # the other sells
    assert health["components"]["kkt"]["registers"] == {BAD: "KKT_BLOCKED", GOOD: "ok"}
    await running.until(lambda: alerted(running))

    (answer,) = await running.sell(1, till=GOOD)
    assert answer["status"] == "printed"
    await running.delivered()


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"taxation": 2}, "taxation = 2"),
        ({"ffd_version": "1.05"}, "ffd_version = 1.05"),
        ({"taxation_mask": 3, "taxation": 1}, "taxation_mask = 3"),
        ({"marked_goods": True}, "marked_goods = true"),
        ({"user_inn": "7707083893"}, "user_inn = 7707083893"),
        ({"registration_number": "0000000001000000"}, "registration_number = 0000000001000000"),
        ({"cashier": None}, "cashier"),
        ({"internet": True}, "site"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_register_that_contradicts_its_configuration_is_stopped_alone(
    tmp_path: Path, changes: dict[str, Any], cause: str
) -> None:
    async with product(tmp_path, registers=registers(), alert_interval_s=0.2) as running:
        await running.sell(1, till=BAD)
        await running.delivered()
        await running.restart(registers=registers(**changes))
        await is_stopped_alone(running, reason="CONFIGURATION", cause=cause)
        await running.restart(registers=registers())
        assert (await running.sell(1, till=BAD))[0]["status"] == "printed"
        await running.delivered()
        await running.check_books()


async def test_what_a_stopped_register_holds_is_still_delivered(tmp_path: Path) -> None:
    async with product(tmp_path, registers=registers()) as running:
        await running.break_operator("down")
        (sold,) = await running.sell(1, till=BAD)
        await running.restart(registers=registers(taxation=2))
        await running.until(lambda: stopped(running))
        await running.repair_operator()
        await running.state_of(sold["receipt_id"], status="synced")


async def test_a_receipt_that_was_stored_before_waits_until_the_configuration_is_right(
    tmp_path: Path,
) -> None:
    async with product(tmp_path, registers=registers(), response_budget_s=0.1) as running:
        running.faults(BAD).set(FaultPlan(paper_out=True))
        (waiting,) = await running.sell(1, till=BAD)
        await running.restart(registers=registers(taxation=2))
        await running.until(lambda: stopped(running))
        assert (await running.receipt(waiting["receipt_id"]))["print_state"] == "new"
        await running.restart(registers=registers())
        await running.state_of(waiting["receipt_id"], print_state="printed")
        await running.delivered()
        await running.check_books()


async def test_what_the_configuration_leaves_to_its_defaults_contradicts_nothing(tmp_path: Path) -> None:
    made = registers(ffd_version="1.05", taxation_mask=2, user_inn="7707083893")
    async with product(tmp_path, registers=made) as running:
        await running.sell(1, till=BAD)
        await running.restart(registers=registers())
        (answer,) = await running.sell(1, till=BAD)
        assert answer["fiscal_doc"]["inn"] == "7707083893"
        await running.delivered()


def lost(path: Path) -> None:
    path.unlink()


def overwritten(path: Path) -> None:
    path.write_bytes(b"This is no database at all. " * 400)


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("spoil", [lost, overwritten, replaced_by_a_folder])
async def test_a_register_whose_fn_file_cannot_be_used_is_stopped_alone(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    async with product(tmp_path, registers=registers(), alert_interval_s=0.2) as running:
        await running.sell(1, till=BAD)
        await running.delivered()
        file = fn_path(running.settings.fn_dir, RegisterId(BAD))
        async with running.stopped():
            kept = file.read_bytes()
            spoil(file)
        await is_stopped_alone(running, reason="FN_DAMAGED", cause=file.name)

        async with running.stopped():
            if file.is_dir():
                file.rmdir()
            file.write_bytes(kept)
        assert (await running.sell(1, till=BAD))[0]["status"] == "printed"
        await running.delivered()
        await running.check_books()


@pytest.mark.parametrize("how", ["folder not mounted", "old copy"])
async def test_an_fn_that_stands_before_what_it_has_made_makes_nothing(tmp_path: Path, how: str) -> None:
    """A lost folder takes the markers along: a new FN of the same number would begin with document 1."""
    async with product(tmp_path, registers=registers(), alert_interval_s=0.2) as running:
        folder, name = running.settings.fn_dir, fn_path(running.settings.fn_dir, RegisterId(BAD)).stem
        await running.sell(1, till=BAD)
        await running.delivered()
        early, late = tmp_path / "early", tmp_path / "late"
        async with running.stopped():
            shutil.copytree(folder, early)
        await running.sell(2, till=BAD)
        await running.delivered()
        async with running.stopped():
            shutil.copytree(folder, late)
            for path in folder.glob(f"{name}.*"):
                path.unlink()
            if how == "old copy":
                for path in early.glob(f"{name}.*"):
                    shutil.copy(path, folder)
        made = running.archive(BAD)
        await is_stopped_alone(running, reason="FN_DAMAGED", cause=made[0].fn_number)
        assert [one.fiscal_sign for one in running.archive(BAD)] == [one.fiscal_sign for one in made]
        async with running.stopped():
            for path in late.glob(f"{name}.*"):
                shutil.copy(path, folder)
        assert (await running.sell(1, till=BAD))[0]["status"] == "printed"
