"""What only Shtrih-M registers do: tables that change receipts, firmware of all ages, paper, other people."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.clock import ManualClock
from tests.support.receipts import a_correction, a_line
from tests.support.registers.kkt import CASHIER, TERM, ShtrihBench, a_sale_for, shtrih_bench

from kkt_adapter.emulators.shtrih import CASH_CORE, OLD, Model, ShtrihFault, ShtrihFaultMode
from kkt_adapter.emulators.shtrih.model import DESKTOP_BITS
from kkt_adapter.emulators.shtrih.receipt import OpenReceipt
from kkt_adapter.emulators.shtrih.tables import FFD_TABLE, REPLACEMENT, SETTINGS, TAX_ACCRUAL, TAXES
from kkt_adapter.fiscal.ffd.tlv import first
from kkt_adapter.fiscal.kkt.driver import Capability, KktState
from kkt_adapter.fiscal.kkt.shtrih import requests
from kkt_adapter.fiscal.kkt.shtrih.driver import ShtrihRegister
from kkt_adapter.fiscal.kkt.shtrih.values import u2, u4, u5
from kkt_adapter.fiscal.kkt.shtrih.wire.frame2 import crc16
from kkt_adapter.fiscal.kkt.shtrih.wire.link import LinkDown
from kkt_adapter.fiscal.kkt.virtual import made_up_registration
from kkt_adapter.fiscal.model import (
    DocumentCode,
    FfdVersion,
    Operation,
    ReceiptKind,
    Registration,
    VatRate,
)
from kkt_adapter.kernel.errors import KktBlocked, KktRefused, KktUnavailable
from kkt_adapter.kernel.ids import RegisterId

OLD_YEAR, NEW_YEAR = datetime(2025, 12, 30, 9, 0, tzinfo=UTC), datetime(2026, 1, 8, 9, 0, tzinfo=UTC)
MARK = "0104600000000012215abcdefghijkl\x1d91FFD0\x1d92" + "A" * 44
REFUND = {"kind": ReceiptKind.REFUND, "operation": Operation.REFUND}
CORRECTION = {"kind": ReceiptKind.CORRECTION, "correction": a_correction(number="1")}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[ShtrihBench]:
    async with shtrih_bench(tmp_path) as one:
        yield one


async def opened(bench: ShtrihBench) -> Registration:
    registration = await bench.driver.open()
    await bench.driver.open_shift(CASHIER, term=TERM)
    return registration


async def rates_of(
    bench: ShtrihBench, registration: Registration, rate: VatRate, **changes: object
) -> list[object]:
    receipt = a_sale_for(registration, lines=(a_line(vat=rate),), **changes)
    document = await bench.driver.fiscalize(receipt, term=TERM)
    tags = await bench.tags_of(document.fd_number)
    return [line.child(1199).value for line in tags if line.tag == 1059]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("now", "replaces", "rate", "changes", "told"),
    [
        (OLD_YEAR, 1, VatRate.P20, {}, 1),
        (NEW_YEAR, 2, VatRate.P22, {}, 11),
        (NEW_YEAR, 1, VatRate.P22, {}, 11),
        (NEW_YEAR, 2, VatRate.P20, REFUND, 1),  # of a sale of 2025
        (NEW_YEAR, 0, VatRate.P20_120, REFUND, 3),
        (NEW_YEAR, 1, VatRate.P20, REFUND, None),  # it would come out as 22 %
        (NEW_YEAR, 1, VatRate.P20_120, REFUND, None),
        (NEW_YEAR, 2, VatRate.P20, CORRECTION, 1),
        (NEW_YEAR, 1, VatRate.P20, CORRECTION, None),
    ],
)
async def test_a_rate_comes_out_as_asked_or_the_receipt_is_refused(
    tmp_path: Path,
    now: datetime,
    replaces: int,
    rate: VatRate,
    changes: dict[str, object],
    told: int | None,
) -> None:
    async with shtrih_bench(tmp_path, clock=ManualClock(now)) as bench:
        bench.emulator.machine.tables.fields[FFD_TABLE, 1, REPLACEMENT].value = replaces
        registration = await opened(bench)
        if told is not None:
            assert await rates_of(bench, registration, rate, **changes) == [told]
            return
        with pytest.raises(KktRefused, match="field 71"):
            await rates_of(bench, registration, rate, **changes)
        assert (await bench.driver.status()).receipts_in_shift == 0


async def test_rates_of_both_years_stand_in_one_receipt(tmp_path: Path) -> None:
    async with shtrih_bench(tmp_path, clock=ManualClock(NEW_YEAR)) as bench:
        registration = await opened(bench)
        rates = (VatRate.P22, VatRate.P20, VatRate.P22_122, VatRate.P20_120)
        receipt = a_sale_for(registration, lines=tuple(a_line(vat=rate) for rate in rates))
        document = await bench.driver.fiscalize(receipt, term=TERM)

        told = [one.child(1199) for one in await bench.tags_of(document.fd_number) if one.tag == 1059]
        assert [one.value for one in told if one is not None] == [11, 1, 12, 3]


async def test_a_row_that_is_another_rate_is_not_used_and_the_others_are(bench: ShtrihBench) -> None:
    tables = bench.emulator.machine.tables.fields
    tables[TAXES, 5, 2].value = "НДС 20%"  # the same 2000 in field 1: only the name tells 20/120 from 20
    tables[TAXES, 7, 1].value = 700
    registration = await opened(bench)

    assert await rates_of(bench, registration, VatRate.P20) == [1]
    for rate in (VatRate.P20_120, VatRate.P5):
        with pytest.raises(KktRefused, match="table 6, row"):
            await rates_of(bench, registration, rate)
    assert (await bench.driver.status()).receipts_in_shift == 1


async def test_a_register_that_leaves_tax_sums_to_the_host_prints_nothing(bench: ShtrihBench) -> None:
    bench.emulator.machine.tables.fields[SETTINGS, 1, TAX_ACCRUAL].value = 1
    registration = await opened(bench)
    done = len(bench.emulator.device.executed)

    with pytest.raises(KktBlocked, match="tax accrual") as blocked:
        await rates_of(bench, registration, VatRate.P22)

    assert blocked.value.facts["reason"] == "CONFIGURATION"
    assert len(bench.emulator.device.executed) == done, "nothing was sent"


@pytest.mark.parametrize(
    "model",
    [
        OLD,
        CASH_CORE,
        Model(number=152, name="НАНО"),
        Model(noise=True),
        Model(needs_enquiry=True),
        Model(bits=DESKTOP_BITS | {53}),
    ],
    ids=["2017", "cash core", "nano", "noise", "enquiry", "auto-cancel"],
)
async def test_a_day_on_every_firmware(tmp_path: Path, model: Model) -> None:
    async with shtrih_bench(tmp_path, model=model) as bench:
        registration = await opened(bench)
        for rate in (VatRate.P22, VatRate.P22_122, VatRate.P7_107):
            receipt = a_sale_for(registration, lines=(a_line(vat=rate, name="Молоко"),) * 2)
            document = await bench.driver.fiscalize(receipt, term=TERM)
            assert await bench.driver.document(document.fd_number) == document
            assert document.key == receipt.key
        assert (await bench.driver.x_report()).sales_kop == 60_000
        assert (await bench.driver.close_shift(CASHIER, term=TERM)).totals.receipt_count == 3


@pytest.mark.parametrize("version", [FfdVersion.V1_05, FfdVersion.V1_1])
async def test_a_day_in_an_older_format(tmp_path: Path, version: FfdVersion) -> None:
    facts = made_up_registration(RegisterId("kkt-1"), ffd_version=version)
    async with shtrih_bench(tmp_path, registration=facts) as bench:
        registration = await opened(bench)
        assert registration.ffd_version is version
        await bench.driver.fiscalize(a_sale_for(registration, lines=(a_line(),) * 3), term=TERM)
        await bench.driver.fiscalize(a_sale_for(registration, **REFUND), term=TERM)
        fixed = a_sale_for(registration, kind=ReceiptKind.CORRECTION, correction=a_correction(number="12"))
        correction = await bench.driver.fiscalize(fixed, term=TERM)
        tags = await bench.tags_of(correction.fd_number)

        report = await bench.driver.close_shift(CASHIER, term=TERM)

        assert correction.code is DocumentCode.CORRECTION
        assert first(tags, 1174) is not None
        assert (report.totals.sales_kop, report.totals.refunds_kop) == (40_000, 10_000)
        assert (report.totals.cash_kop, report.totals.receipt_count) == (30_000, 3)


async def test_a_correction_with_ten_tax_sums_is_taken_from_newer_clients(tmp_path: Path) -> None:
    """FF77: FF4A and four sums more, for 5, 7, 5/105 and 7/107."""
    facts = made_up_registration(RegisterId("kkt-1"), ffd_version=FfdVersion.V1_05)
    async with shtrih_bench(tmp_path, registration=facts) as bench:
        await opened(bench)
        run = bench.emulator.device.run
        base = (1178, u4(1_767_225_600)), (1179, b"12".ljust(32))  # 1 January 2026
        assert (await run(requests.BEGIN_CORRECTION + u4(1)))[2] == 0
        for tag, value in base:
            assert (await run(requests.TAG + u4(1) + u2(tag) + u2(len(value)) + value))[2] == 0
        sums = [10_500, 0, 0, 0, 0, *[0] * 8, 500, 0]  # in cash; 5/105
        answer = await run(b"\xff\x77" + u4(1) + b"\0\1" + u5(10_500) + b"".join(map(u5, sums)) + b"\1")

        assert answer[2] == 0
        found = await bench.driver.document(bench.emulator.machine.status().fd_number)
        assert found is not None
        assert (found.code, found.total_kop) == (DocumentCode.CORRECTION, 10_500)


async def test_the_state_of_settlements_is_reported_to_other_clients(bench: ShtrihBench) -> None:
    """FF37 and FF38; one that was begun and not made is given up before our next document."""
    registration = await opened(bench)
    run, fn = bench.emulator.device.run, bench.emulator.machine.fn
    waiting = fn.exchange_status().unsent_count
    assert (await run(b"\xff\x38" + u4(30)))[2] == 0x02, "not begun"
    assert (await run(b"\xff\x37" + u4(30)))[2] == 0
    answer = await run(b"\xff\x38" + u4(30))

    last = fn.document(bench.emulator.machine.status().fd_number)
    assert last is not None
    assert last.code is DocumentCode.CURRENT_STATE
    assert answer[2] == 0
    assert answer[3:15] == u4(last.fd_number) + u4(last.fiscal_sign) + u4(waiting + 1)
    assert await bench.driver.document(last.fd_number) == last
    assert first(await bench.tags_of(last.fd_number), 1097).value == waiting  # type: ignore[union-attr]

    assert (await run(b"\xff\x37" + u4(30)))[2] == 0
    sold = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)
    assert sold.fd_number == last.fd_number + 1


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("26 1e000000 01", None),  # font
        ("d1 01000000", None),
        ("6b", None),  # the last error
        ("ff0e 1e000000 01 1104", "1104 0100"),  # 1041: of the registration
        ("ff0e 1e000000 01 ffff", ""),  # all tags, by FF3B
        ("ff63 1e000000", None),
        ("ff68 1e000000", "00 0000 00000000 0000000000 00"),
        ("ff70 1e000000", "01 00 ff 00 00 00 0000"),
    ],
)
async def test_what_other_clients_ask_is_answered(
    bench: ShtrihBench, request_: str, answer: str | None
) -> None:
    registration = await bench.driver.open()
    command = bytes.fromhex(request_)
    told = await bench.emulator.device.run(command)

    behind = 3 if command[0] == 0xFF else 2
    assert told[behind - 1] == 0, told.hex()
    if answer is None:
        assert len(told) > behind
    elif answer == "1104 0100":
        assert told[behind:] == u2(0x0411) + u2(16) + registration.fn_number.encode("ascii")
    else:
        assert told[behind:] == bytes.fromhex(answer)
    if answer == "":
        assert (await bench.emulator.device.run(bytes.fromhex("ff3b 1e000000")))[2] == 0


async def test_a_key_that_firmware_refuses_everywhere_is_left_out(tmp_path: Path) -> None:
    async with shtrih_bench(tmp_path, model=Model(refused_tags=frozenset({1192, 1084}))) as bench:
        registration = await opened(bench)
        document = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)
        assert document.key is None

        foreign = a_sale_for(registration, additional_attribute="3730902192")  # not ours to leave out
        with pytest.raises(KktRefused, match="33h/1192"):
            await bench.driver.fiscalize(foreign, term=TERM)


async def test_what_this_device_can_do_is_known_once_it_is_open(tmp_path: Path) -> None:
    async with shtrih_bench(tmp_path, relayed=False) as bench:
        assert Capability.RELAY in bench.driver.capabilities, "some device of this kind can"
        await bench.driver.open()
        assert Capability.RELAY not in bench.driver.capabilities


async def test_a_receipt_whose_paper_ends_is_made_and_printing_goes_on_by_itself(bench: ShtrihBench) -> None:
    registration = await opened(bench)
    bench.emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.PAPER_ENDS, command="ff45"))

    document = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)

    assert (await bench.driver.status()).state is KktState.PAPER_OUT
    with pytest.raises(KktUnavailable):
        await bench.driver.fiscalize(a_sale_for(registration), term=TERM)
    bench.set_paper(present=True)
    assert (await bench.driver.status()).state is KktState.READY
    after = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)
    assert after.fd_number == document.fd_number + 1


async def test_what_another_operator_left_open_is_given_up(bench: ShtrihBench) -> None:
    registration = await opened(bench)
    machine = bench.emulator.machine
    machine.receipt = OpenReceipt(kind=0, operator=17)
    assert (await bench.driver.status()).open_document

    document = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)

    assert document.receipt_number == 1
    machine.receipt = OpenReceipt(kind=0, operator=17)
    await bench.driver.discard()
    assert not (await bench.driver.status()).open_document


async def test_a_power_failure_in_mid_receipt_leaves_nothing_behind(bench: ShtrihBench) -> None:
    registration = await opened(bench)
    bench.emulator.set_faults(ShtrihFault(mode=ShtrihFaultMode.CUT_REQUEST, command="ff46", at=9))
    with pytest.raises(KktUnavailable):
        await bench.driver.fiscalize(a_sale_for(registration), term=TERM)
    await bench.emulator.power_cycle()

    document = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)

    assert document.receipt_number == 1


@pytest.mark.parametrize(
    "fault",
    [
        ShtrihFault(mode=ShtrihFaultMode.BUSY, count=3),
        ShtrihFault(mode=ShtrihFaultMode.NAK, count=2),
        ShtrihFault(mode=ShtrihFaultMode.BAD_LRC, command="ff45"),
        ShtrihFault(mode=ShtrihFaultMode.LOSE_ANSWER, command="ff45"),
        ShtrihFault(mode=ShtrihFaultMode.SILENT, command="ff45", delay_s=0.7),
        ShtrihFault(mode=ShtrihFaultMode.SLOW, command="ff46", delay_s=0.1),
        ShtrihFault(mode=ShtrihFaultMode.DRIP, count=None),
    ],
    ids=lambda fault: fault.mode.value,
)
async def test_what_a_line_does_costs_no_receipt(bench: ShtrihBench, fault: ShtrihFault) -> None:
    registration = await opened(bench)
    bench.emulator.set_faults(fault)

    document = await bench.driver.fiscalize(a_sale_for(registration), term=TERM)

    bench.emulator.set_faults()
    assert (await bench.driver.status()).fd_number == document.fd_number
    assert [d.command for d in bench.emulator.device.executed].count("ff45") == 1


@pytest.mark.parametrize(
    ("answer", "told"), [("good", 15), ("offline", 3), ("silent", 3), ("refused", 3), ("bad", None)]
)
async def test_a_marking_code_is_sold_as_its_check_says(
    bench: ShtrihBench, answer: str, told: int | None
) -> None:
    registration = await opened(bench)
    bench.emulator.machine.mark_answer = answer
    receipt = a_sale_for(registration, lines=(a_line(mark_code=MARK, subject=33),))
    if told is None:
        with pytest.raises(KktRefused, match="must not be sold"):
            await bench.driver.fiscalize(receipt, term=TERM)
        assert (await bench.driver.status()).receipts_in_shift == 0
        return

    document = await bench.driver.fiscalize(receipt, term=TERM)

    line = first(await bench.tags_of(document.fd_number), 1059)
    assert line is not None
    checked = line.child(2106)
    assert checked is not None
    assert checked.value == told


async def test_an_autonomous_register_keeps_what_it_could_not_tell(tmp_path: Path) -> None:
    facts = made_up_registration(RegisterId("kkt-1"), marked_goods=True, offline_mode=True)
    async with shtrih_bench(tmp_path, registration=facts) as bench:
        registration = await opened(bench)
        run = bench.emulator.device.run
        receipt = a_sale_for(registration, lines=(a_line(mark_code=MARK, subject=33),))
        await bench.driver.fiscalize(receipt, term=TERM)
        assert (await run(b"\xff\x70" + u4(30)))[-2:] == u2(1)
        assert (await run(b"\xff\x71" + u4(30)))[3:5] == u2(1)
        block = await run(b"\xff\x72" + u4(30))
        assert MARK.encode() in block
        assert (await run(b"\xff\x72" + u4(30)))[2] == 0x08
        assert (await run(b"\xff\x73" + u4(30) + u4(1) + u2(0)))[2] == 0x33
        assert (await run(b"\xff\x73" + u4(30) + u4(1) + u2(crc16(block[13:]))))[2] == 0
        assert (await run(b"\xff\x71" + u4(30)))[3:] == bytes(8)


async def test_a_wrong_password_is_tried_once(bench: ShtrihBench) -> None:
    driver = bench.driver
    assert isinstance(driver, ShtrihRegister)
    driver._admin = driver._upkeep._admin = 4711
    for _ in range(3):
        with pytest.raises(KktBlocked, match="4Fh"):
            await driver.open()
    assert [d.error for d in bench.emulator.device.executed].count(0x4F) == 1


async def test_what_the_driver_lets_out_is_never_the_link_itself(bench: ShtrihBench) -> None:
    await bench.driver.open()
    await bench.emulator.set_down(True)
    try:
        with pytest.raises(KktUnavailable) as gone:
            await bench.driver.status()
    finally:
        await bench.emulator.set_down(False)
    assert not isinstance(gone.value, LinkDown)
    assert gone.value.facts["state"] == "unreachable"
