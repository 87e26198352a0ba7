"""The stand-in itself: honest about what it holds and what it was asked."""

import json
from typing import Any

import aiohttp
import pytest
from tests.support.catalog import stand_in

from kkt_adapter.emulators.g2a import Catalogue, Faults, G2AEmulator, RequestCounters


async def call(
    emulator: G2AEmulator, path: str, *, body: Any = None, method: str = "POST"
) -> tuple[int, Any]:
    headers = {"Authorization": emulator.credentials.pair_header}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, emulator.base_url + path, json=body) as answer,
    ):
        return answer.status, await answer.json()


def test_the_same_seed_makes_the_same_catalogue_and_the_same_days() -> None:
    first, second = Catalogue(200, seed=7), Catalogue(200, seed=7)
    assert first.items == second.items
    assert first.advance() == second.advance()
    assert first.items == second.items
    assert Catalogue(200, seed=8).items != Catalogue(200, seed=7).items


def test_a_day_changes_what_it_says() -> None:
    catalogue = Catalogue(500)
    before = {item.id: item for item in catalogue.items}
    expected = catalogue.advance()
    after = {item.id: item for item in catalogue.items}
    assert before.keys() - after.keys() == expected.gone
    assert after.keys() - before.keys() == expected.new
    both = before.keys() & after.keys()
    assert {key for key in both if before[key].cents != after[key].cents} == expected.repriced
    assert {key for key in both if before[key].qty and not after[key].qty} == expected.sold_out
    assert [len(expected.gone), len(expected.repriced), len(expected.new), len(expected.sold_out)] == [
        15,
        50,
        10,
        5,
    ]
    assert [item.id for item in catalogue.items] == sorted(after)


async def test_the_back_door_tells_the_truth_and_counts() -> None:
    async with stand_in(30) as emulator:
        status, page = await call(emulator, "/v1/products?page=2&includeOutOfStock=true", method="GET")
        assert (status, page["total"], len(page["docs"])) == (200, 30, 10)
        _, truth = await call(emulator, "/_emulator/truth", method="GET")
        assert len(truth) == 30
        _, counters = await call(emulator, "/_emulator/counters", method="GET")
        assert (counters["requests"], counters["pages"]) == (1, {"/2": 1})
        _, day = await call(emulator, "/_emulator/advance", body={"gone": 0.1})
        assert len(day["gone"]) == 3
        await call(emulator, "/_emulator/reset")
        assert emulator.counters.requests == 0
        status, told = await call(emulator, "/_emulator/faults", body={"every_magic": 1})
        assert (status, told["message"]) == (422, "unknown faults: every_magic")
        await call(emulator, "/_emulator/faults", body={"fail_pages": {"1": "http_503"}})
        status, _ = await call(emulator, "/v1/products?page=1", method="GET")
        assert status == 503


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/products?page=0", 400, "PR02"),
        ("/v1/products?page=x", 400, "BR08"),
        ("/v1/products?minPriceFrom=x", 400, "BR08"),
    ],
)
async def test_bad_parameters_are_refused_as_the_vendor_does(path: str, status: int, code: str) -> None:
    async with stand_in(5) as emulator:
        assert await call(emulator, path, method="GET") == (
            status,
            {
                "status": "ERROR",
                "message": "Bad page" if code == "PR02" else "Bad GET parameters",
                "code": code,
            },
        )


async def test_without_out_of_stock_only_what_is_in_stock_is_listed() -> None:
    async with stand_in(100) as emulator:
        in_stock = sum(item.qty > 0 for item in emulator.catalogue.items)
        _, page = await call(emulator, "/v1/products", method="GET")
        assert page["total"] == in_stock < 100


def test_the_busiest_minute_slides() -> None:
    counters = RequestCounters()
    counters.arrivals.extend([0, 10, 59, 60.5, 61, 119])
    assert counters.most_in_a_minute() == 4  # 10, 59, 60.5, 61


def test_faults_come_as_json_too() -> None:
    told = json.loads('{"kinds": ["cut"], "move_at": [3], "fail_pages": {"400": "http_500"}}')
    faults = Faults().with_changes(told)
    assert (faults.kinds, faults.move_at, faults.fail_pages) == (("cut",), (3,), {400: "http_500"})


async def test_kept_texts_are_those_of_the_day() -> None:
    emulator, usual = G2AEmulator(40, keep_texts=True), G2AEmulator(40)
    for each in (emulator, usual):
        await each.start()
    try:
        for _ in range(6):
            for number in (1, 1, 2, 3):
                path = f"/v1/products?page={number}&includeOutOfStock=true"
                kept = await call(emulator, path, method="GET")
                assert kept == await call(usual, path, method="GET")
            for each in (emulator, usual):
                await call(each, "/_emulator/advance", body={"repriced": 0.9, "gone": 0.1, "new": 0.1})
    finally:
        for each in (emulator, usual):
            await each.stop()
