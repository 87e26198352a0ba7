"""One back office over real HTTP: every class of answer, what is acknowledged, and what is sent again."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any

import pytest
from sqlalchemy import select
from tests.support.erp import Caller, back_office, caller, event_ids, fresh_database, office, store_receipts
from tests.support.ports import free_port

from kkt_adapter.emulators.erp import ErpEmulator, ErpFault, ErpFaultMode, OfficeSignIn
from kkt_adapter.fiscal.heartbeat import cursors
from kkt_adapter.fiscal.heartbeat.payload import MAX_EVENTS, Situation
from kkt_adapter.fiscal.heartbeat.tables import back_offices
from kkt_adapter.kernel.errors import LeaseLost, StorageError
from kkt_adapter.runtime.db.protocol import Database


@pytest.fixture
async def erp() -> AsyncIterator[ErpEmulator]:
    async with back_office() as emulator:
        yield emulator


@pytest.fixture
async def stored(tmp_path: Path) -> AsyncIterator[Database]:
    async with fresh_database(tmp_path / "kkt.db") as database:
        yield database


@pytest.fixture
async def calls(erp: ErpEmulator, stored: Database) -> AsyncIterator[Caller]:
    async with caller(stored, office(erp.url)) as one:
        yield one


async def row(database: Database, name: str = "erp") -> Any:
    query = select(back_offices).where(back_offices.c.name == name)
    return await database.read(lambda c: c.execute(query).one())


def clean(erp: ErpEmulator) -> None:
    """The receiver saw nothing lost, doubled with another content, or out of order."""
    state = erp.book.state()
    faults = ("conflicts", "order_faults", "document_faults", "identity_faults")
    assert [state[name] for name in faults] == [0, 0, 0, 0]
    assert erp.refused is None


async def test_two_hits_are_online_and_three_misses_offline(erp: ErpEmulator, calls: Caller) -> None:
    assert calls.state == "unknown"
    await calls.call()
    assert calls.state == "unknown"
    await calls.call()
    assert calls.state == "online"
    await erp.set_faults(ErpFault(mode=ErpFaultMode.CODE, code=500))
    await calls.call(2)
    assert calls.state == "online"
    await calls.call()
    assert calls.state == "offline"
    told = [json.loads(entry.metadata or "{}") for entry in calls.told]
    assert [(one["was"], one["state"]) for one in told] == [("unknown", "online"), ("online", "offline")]
    assert told[1]["error"] == "HTTP 500"
    clean(erp)


# mode or status, retry-after, last answer, the pause after it (None: the interval)
MISSES: list[tuple[ErpFaultMode | int, str | None, str, float | None]] = [
    (ErpFaultMode.LOGIN_PAGE, None, "not_ours", None),
    (ErpFaultMode.NOT_JSON, None, "not_ours", None),
    (ErpFaultMode.DROP, None, "connection", None),
    (ErpFaultMode.CLOSE, None, "connection", None),
    (ErpFaultMode.HALF_ANSWER, None, "connection", None),
    (ErpFaultMode.DOWN, None, "connection", None),
    (400, None, "refused_body", None),
    (401, None, "refused_token", 300.0),
    (403, None, "refused_token", 300.0),
    (404, None, "wrong_address", None),
    (409, None, "other_instance", None),
    (429, "7", "busy", 7.0),
    (429, None, "busy", None),
    (503, "100000", "busy", 300.0),
    (500, None, "server_error", None),
    (302, None, "not_ours", None),
]


@pytest.mark.parametrize(("how", "retry_after", "answer", "pause_s"), MISSES)
async def test_every_other_answer_is_a_miss_and_loses_nothing(
    erp: ErpEmulator,
    stored: Database,
    calls: Caller,
    how: ErpFaultMode | int,
    retry_after: str | None,
    answer: str,
    pause_s: float | None,
) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    mode = how if isinstance(how, ErpFaultMode) else ErpFaultMode.CODE
    code = how if isinstance(how, int) else 500
    await erp.set_faults(ErpFault(mode=mode, code=code, retry_after=retry_after))
    assert await calls.call() == (30.0 if pause_s is None else pause_s)
    await calls.call(2)
    state = calls.target.state
    assert (state.last_class, state.failures, calls.state) == (answer, 3, "offline")
    assert (await row(stored)).acked_event_id == 0
    await erp.set_faults()
    await calls.call()
    assert sorted(erp.book.stored) == await stored.read(event_ids)
    clean(erp)


@pytest.mark.parametrize("mode", [ErpFaultMode.HANG, ErpFaultMode.SLOW_BODY, ErpFaultMode.SLOW])
async def test_an_answer_that_takes_too_long_is_a_miss_in_time(
    erp: ErpEmulator, stored: Database, mode: ErpFaultMode
) -> None:
    await erp.set_faults(ErpFault(mode=mode, delay_s=30))
    async with caller(stored, office(erp.url, timeout_s=0.2)) as calls:
        await calls.call()  # to wait for the answer would make it a hit, or a refusal
    assert calls.target.state.last_class == "timeout"


async def test_a_slow_answer_within_the_time_out_is_a_hit(erp: ErpEmulator, calls: Caller) -> None:
    await erp.set_faults(ErpFault(mode=ErpFaultMode.SLOW_BODY, delay_s=0.2))
    await calls.call()
    assert calls.target.state.successes == 1


async def test_a_server_without_tls_behind_https_is_a_tls_fault(erp: ErpEmulator, stored: Database) -> None:
    async with caller(stored, office(f"https://127.0.0.1:{erp.port}")) as calls:
        await calls.call()
    assert calls.target.state.last_class == "tls"


async def test_an_acknowledged_event_is_not_sent_again_also_after_a_restart(
    erp: ErpEmulator, stored: Database
) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    async with caller(stored, office(erp.url)) as calls:
        await calls.call(2)
    await stored.write(lambda c: store_receipts(c, 1, first=3))
    async with caller(stored, office(erp.url)) as calls:
        await calls.call(2)
    assert sorted(erp.book.stored) == await stored.read(event_ids)
    assert erp.book.repeated == 0
    clean(erp)


async def test_a_lost_answer_sends_the_same_events_again(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    await erp.set_faults(ErpFault(mode=ErpFaultMode.CLOSE, count=1))
    await calls.call(2)
    assert erp.book.repeated == 6
    assert sorted(erp.book.stored) == await stored.read(event_ids)
    clean(erp)


async def test_an_answer_that_acknowledges_nothing_sends_them_again_without_haste(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 300))
    await erp.set_faults(ErpFault(mode=ErpFaultMode.NO_ACK))
    assert await calls.call() == 30.0
    assert calls.target.state.successes == 1  # it answers, it only does not store
    assert calls.target.state.acked_event_id == 0


async def test_an_acknowledgement_beyond_what_was_sent_skips_nothing(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    await erp.set_faults(ErpFault(mode=ErpFaultMode.WRONG_ACK, count=1))
    await calls.call()
    await stored.write(lambda c: store_receipts(c, 2, first=3))
    await calls.call()
    assert sorted(erp.book.stored) == await stored.read(event_ids)


async def test_a_back_office_that_forgot_everything_does_not_move_the_cursor_back(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    await calls.call()
    erp.book.reset()
    await stored.write(lambda c: store_receipts(c, 1, first=3))
    await calls.call(2)
    assert calls.target.state.acked_event_id == max(await stored.read(event_ids))
    assert len(erp.book.stored) == 3


async def test_pages_follow_each_other_at_once_until_all_is_told(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 150))
    assert await calls.drain() == 3
    assert erp.book.most_events == MAX_EVENTS == 200
    assert len(erp.book.stored) == 450
    clean(erp)


async def test_a_body_that_is_too_large_is_halved_at_once_until_it_fits(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 40))
    erp.manners.max_body_bytes = 20_000
    assert await calls.call() == 0.0
    assert calls.target.state.failures == 0  # the smaller call decides
    await calls.drain()
    assert sorted(erp.book.stored) == await stored.read(event_ids)
    assert 0 < erp.book.most_events <= 50
    erp.manners.max_body_bytes = 10_000_000
    await stored.write(lambda c: store_receipts(c, 800, first=41))
    await calls.drain()
    assert erp.book.most_events > 50  # and grows again
    clean(erp)


async def test_a_receiver_that_takes_not_even_one_event_is_a_miss_without_haste(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 40))
    erp.manners.max_body_bytes = 10
    assert await calls.drain() == 8  # 200, 100, 50, 25, 12, 6, 3, 1
    assert calls.target.state.failures == 1
    assert await calls.call() == 30.0


async def test_a_refused_body_is_kept_with_the_answer(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 1))
    await erp.set_faults(ErpFault(mode=ErpFaultMode.CODE, code=400, count=1))
    await calls.call(2)
    kept = await row(stored)
    assert json.loads(kept.refused_answer) == {"error": "on request"}
    assert len(json.loads(kept.refused_body)["events"]) == 3
    assert kept.refused_at is not None
    assert kept.last_error is None  # the next call went on


async def test_the_interval_is_the_back_office_s_wish(erp: ErpEmulator, calls: Caller) -> None:
    for wish, pause_s in ((60.0, 60.0), (1.0, 10.0), (9999.0, 300.0), (None, 30.0)):
        erp.manners.interval_s = wish
        assert await calls.call() == pause_s


async def test_a_token_can_be_changed_without_a_gap(
    erp: ErpEmulator, stored: Database, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("old")
    erp.manners.sign_in = OfficeSignIn(tokens=("old", "new"))
    async with caller(stored, office(erp.url, token_file=file)) as calls:
        await calls.call()
        file.write_text("new")
        erp.manners.sign_in = OfficeSignIn(tokens=("new",))
        await calls.call()
        assert calls.target.state.successes == 2
        erp.manners.sign_in = OfficeSignIn(tokens=("newer",))
        assert await calls.call() == 300.0
        assert calls.target.state.last_class == "refused_token"


@pytest.mark.parametrize(
    ("given", "sign_in", "path"),
    [
        ({"token": "t"}, OfficeSignIn(tokens=("t",)), ""),
        ({"user": "kkt", "password": "п"}, OfficeSignIn(basic=(("kkt", "п"),)), "/hs/kkt/heartbeat"),
        ({"secret": "s", "profile": "webhook"}, OfficeSignIn(secrets=("s",)), "/webhook"),
    ],
)
async def test_each_way_to_sign_in_reaches_its_path(
    stored: Database, given: dict[str, Any], sign_in: OfficeSignIn, path: str
) -> None:
    await stored.write(lambda c: store_receipts(c, 1))
    async with (
        back_office(sign_in=sign_in) as erp,
        caller(stored, office(erp.url + path, **given)) as calls,
    ):
        await calls.call()
        assert len(erp.book.stored) == 3


async def test_a_failure_to_make_the_body_is_a_miss_and_the_next_call_goes_on(
    erp: ErpEmulator, calls: Caller
) -> None:
    good = calls.target._situation

    async def broken() -> Situation:
        raise ZeroDivisionError("the payload")

    calls.target._situation = broken
    assert await calls.call() == 30.0
    assert calls.target.state.last_class == "not_sent"
    assert "ZeroDivisionError" in str(calls.target.state.last_error)
    calls.target._situation = good
    await calls.call()
    assert (calls.target.state.successes, erp.book.calls) == (1, 1)


async def test_a_database_that_is_away_for_a_moment_is_a_miss(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    read = stored.read

    async def away(fn: Any) -> Any:
        raise StorageError("away", "нет связи")

    stored.read = away  # type: ignore[method-assign]
    await calls.call()
    stored.read = read  # type: ignore[method-assign]
    assert calls.target.state.last_class == "not_sent"
    await calls.call()
    assert calls.target.state.successes == 1


async def test_a_cursor_that_could_not_be_written_is_no_progress(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await stored.write(lambda c: store_receipts(c, 100))
    write = stored.write

    async def full(fn: Any) -> Any:
        raise StorageError("disk full", "диск полон")

    stored.write = full  # type: ignore[method-assign]
    assert await calls.call() == 30.0
    stored.write = write  # type: ignore[method-assign]
    assert calls.target.state.acked_event_id == 0
    await calls.drain()
    assert erp.book.repeated == 200
    assert sorted(erp.book.stored) == await stored.read(event_ids)
    clean(erp)


async def test_who_lost_the_lease_writes_no_cursor(erp: ErpEmulator, stored: Database) -> None:
    await stored.write(lambda c: store_receipts(c, 1))
    async with caller(stored, office(erp.url)) as late:
        pass
    async with caller(stored, office(erp.url)):
        with pytest.raises(LeaseLost):
            await late.call()
        await late.target.close()
        assert (await row(stored)).acked_event_id == 0


async def test_nobody_there_is_found_out_at_once(stored: Database) -> None:
    async with caller(stored, office(f"http://127.0.0.1:{free_port()}", timeout_s=30)) as calls:
        await calls.call()
    assert calls.target.state.last_class == "connection"  # and no "timeout", which would take 30 s


async def test_ten_thousand_events_wait_for_the_back_office_and_arrive_once_in_bounded_memory(
    erp: ErpEmulator, stored: Database, calls: Caller
) -> None:
    await erp.set_faults(ErpFault(mode=ErpFaultMode.DOWN))
    await calls.call(3)
    await stored.write(lambda c: store_receipts(c, 3_400))
    await calls.call(3)
    assert calls.state == "offline"
    await erp.set_faults(
        ErpFault(mode=ErpFaultMode.CODE, code=503, retry_after="1", count=1),
        ErpFault(mode=ErpFaultMode.CLOSE, count=2),
        ErpFault(mode=ErpFaultMode.LOGIN_PAGE, count=1),
    )
    await calls.call(4)
    before_kb = getrusage(RUSAGE_SELF).ru_maxrss
    await calls.drain()
    grown_kb = getrusage(RUSAGE_SELF).ru_maxrss - before_kb
    wanted = await stored.read(event_ids)
    assert erp.book.most_events == 200  # never more at once
    assert list(erp.book.stored) == wanted  # in the order of arrival, too
    assert len(wanted) == 10_200
    assert erp.book.repeated == 400  # two answers were lost: one page came three times
    assert erp.book.state()["with_fiscal_doc"] == 3_400
    assert calls.state == "online"
    assert grown_kb < 80_000  # the receiver's book included
    clean(erp)


async def test_two_back_offices_have_a_cursor_each(stored: Database) -> None:
    await stored.write(lambda c: store_receipts(c, 2))
    async with back_office() as first, back_office() as second:
        async with caller(stored, office(first.url, name="first")) as calls:
            await calls.call()
        await stored.write(lambda c: store_receipts(c, 1, first=3))
        async with caller(stored, office(second.url, name="second")) as calls:
            await calls.call()
        assert (len(first.book.stored), len(second.book.stored)) == (6, 9)
    lowest = await stored.read(lambda c: cursors.lowest(c, ["first", "second"]))
    assert lowest == (await row(stored, "first")).acked_event_id
