"""What only ATOL registers do: versions that know rates, marking checks, formats, paper, other programs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.receipts import a_correction, a_line
from tests.support.registers.kkt import CASHIER, TERM, AtolBench, a_sale_for, atol_bench

from kkt_adapter.emulators.atol import AtolFault, AtolFaultMode
from kkt_adapter.fiscal.ffd.tlv import first
from kkt_adapter.fiscal.kkt.atol.driver import AtolRegister
from kkt_adapter.fiscal.kkt.atol.web import WebServer
from kkt_adapter.fiscal.kkt.driver import Capability, KktState
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import DocumentCode, FfdVersion, Operation, ReceiptKind, Registration, VatRate
from kkt_adapter.kernel.clock import SystemClock
from kkt_adapter.kernel.errors import KktBlocked, KktRefused, KktUnavailable
from kkt_adapter.kernel.ids import RegisterId

MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44
REFUND = {"kind": ReceiptKind.REFUND, "operation": Operation.REFUND}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[AtolBench]:
    async with atol_bench(tmp_path) as one:
        yield one


async def opened(bench: AtolBench) -> Registration:
    registration = await bench.driver.open()
    await bench.driver.open_shift(CASHIER, term=TERM)
    return registration


async def sell(bench: AtolBench, registration: Registration, number: int = 1, **changes: Any) -> Any:
    return await bench.driver.fiscalize(a_sale_for(registration, id=f"r-{number}", **changes), term=TERM)


async def test_rates_of_both_years_come_out_as_asked_also_in_one_receipt(bench: AtolBench) -> None:
    registration = await opened(bench)
    asked: list[tuple[tuple[VatRate, ...], dict[str, Any]]] = [
        ((VatRate.P22, VatRate.P20, VatRate.P22_122), {}),
        ((VatRate.P20,), REFUND),  # of a sale of 2025
        ((VatRate.P20,), {"kind": ReceiptKind.CORRECTION, "correction": a_correction()}),
    ]
    for number, (rates, changes) in enumerate(asked):
        lines = tuple(a_line(vat=rate) for rate in rates)
        document = await sell(bench, registration, number, lines=lines, **changes)
        told = [line.child(1199) for line in await bench.tags_of(document.fd_number) if line.tag == 1059]
        codes = {VatRate.P22: 11, VatRate.P20: 1, VatRate.P22_122: 12}
        assert [one.value for one in told if one is not None] == [codes[rate] for rate in rates]


@pytest.mark.parametrize(
    ("versions", "rate", "code"),
    [
        ({"driver_version": "10.10.7.0"}, VatRate.P22, 501),
        ({"firmware": "5.16.0"}, VatRate.P22, 144),
        ({"driver_version": "10.10.5.0"}, VatRate.P5, 501),
    ],
)
async def test_a_rate_that_is_not_known_is_refused_and_no_other_put_in_its_place(
    tmp_path: Path, versions: dict[str, str], rate: VatRate, code: int
) -> None:
    async with atol_bench(tmp_path, **versions) as bench:
        registration = await opened(bench)
        with pytest.raises(KktRefused, match="firmware 5") as refused:
            await sell(bench, registration, lines=(a_line(vat=rate),))
        assert refused.value.device_code == code
        assert (await bench.driver.status()).receipts_in_shift == 0

        document = await sell(bench, registration, 2, lines=(a_line(vat=VatRate.P20),), **REFUND)
        assert document.receipt_number == 1


@pytest.mark.parametrize(
    ("answer", "told"), [("good", 15), ("offline", 3), ("silent", 3), ("refused", 3), ("bad", None)]
)
async def test_a_marking_code_is_sold_as_its_check_says(
    bench: AtolBench, answer: str, told: int | None
) -> None:
    registration = await opened(bench)
    bench.emulator.machine.mark_answer = answer
    lines = (a_line(mark_code=MARK, subject=33), a_line())
    if told is None:
        with pytest.raises(KktRefused, match="must not be sold"):
            await sell(bench, registration, lines=lines)
        assert (await bench.driver.status()).receipts_in_shift == 0
        return

    document = await sell(bench, registration, lines=lines)

    line = first(await bench.tags_of(document.fd_number), 1059)
    checked = None if line is None else line.child(2106)
    assert checked is not None
    assert checked.value == told


async def test_a_check_that_was_cut_off_does_not_hold_the_next_one_up(bench: AtolBench) -> None:
    registration = await opened(bench)
    bench.emulator.machine.mark_asked = "left by somebody"

    document = await sell(bench, registration, lines=(a_line(mark_code=MARK, subject=33),))

    assert document.receipt_number == 1


@pytest.mark.parametrize("version", [FfdVersion.V1_05, FfdVersion.V1_1])
async def test_a_day_in_an_older_format(tmp_path: Path, version: FfdVersion) -> None:
    facts = made_up_registration(RegisterId("kkt-1"), ffd_version=version)
    async with atol_bench(tmp_path, registration=facts) as bench:
        registration = await opened(bench)
        assert registration.ffd_version is version
        assert Capability.MARKING not in bench.driver.capabilities
        await sell(bench, registration, 1, lines=(a_line(unit="кг", measure=11),) * 3)
        await sell(bench, registration, 2, **REFUND)
        fixed = {"kind": ReceiptKind.CORRECTION, "correction": a_correction(number="12")}
        correction = await sell(bench, registration, 3, **fixed)

        report = await bench.driver.close_shift(CASHIER, term=TERM)

        assert correction.code is DocumentCode.CORRECTION
        assert correction.key is not None, "the key works there, too"
        assert (report.totals.sales_kop, report.totals.refunds_kop) == (40_000, 10_000)
        assert (report.totals.cash_kop, report.totals.receipt_count) == (30_000, 3)


async def test_a_receipt_whose_paper_ends_is_made(bench: AtolBench) -> None:
    registration = await opened(bench)
    bench.emulator.set_faults(AtolFault(mode=AtolFaultMode.PAPER_ENDS, task="sell"))

    document = await sell(bench, registration)

    assert (await bench.driver.status()).state is KktState.PAPER_OUT
    with pytest.raises(KktUnavailable):
        await sell(bench, registration, 2)
    bench.set_paper(present=True)
    assert (await sell(bench, registration, 3)).fd_number == document.fd_number + 1


@pytest.mark.parametrize("code", [44, 45, 46, 114])
async def test_an_error_of_the_printer_is_believed_once_the_number_stands_still(
    bench: AtolBench, code: int
) -> None:
    registration = await opened(bench)
    bench.emulator.set_faults(AtolFault(mode=AtolFaultMode.ERROR, task="sell", code=code))
    with pytest.raises(KktUnavailable):
        await sell(bench, registration)
    assert (await sell(bench, registration)).receipt_number == 1, "under the next uuid"


async def test_an_inactive_device_is_no_doubt(bench: AtolBench) -> None:
    registration = await opened(bench)
    bench.emulator.device.active = False
    with pytest.raises(KktUnavailable, match="not active"):
        await sell(bench, registration)
    bench.emulator.device.active = True
    assert (await sell(bench, registration)).receipt_number == 1


async def test_a_wrong_password_and_a_wrong_device_block_by_name(tmp_path: Path) -> None:
    async with atol_bench(tmp_path, login="till", password="right") as bench:
        with pytest.raises(KktBlocked, match="login"):
            await bench.driver.open()
    async with atol_bench(tmp_path) as bench:
        web = WebServer(bench.emulator.address, timeout_s=5.0, connect_s=5.0)
        wrong = AtolRegister(web, device_id="7", clock=SystemClock(), patience=bench.patience)
        with pytest.raises(KktBlocked, match="device_id"):
            await wrong.open()
        await wrong.close()


async def test_a_server_that_is_gone_costs_nothing(bench: AtolBench) -> None:
    registration = await opened(bench)
    await bench.emulator.set_down(True)
    with pytest.raises(KktUnavailable) as gone:
        await sell(bench, registration)
    assert gone.value.facts["state"] == "unreachable"
    await bench.emulator.set_down(False)
    assert (await sell(bench, registration)).receipt_number == 1
