"""What a person reads of a register in trouble stands there in Russian and in English, and every page of this
part stands in the reference."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from tests.support.pages.watching import asked
from tests.support.product import Product, product

from kkt_adapter.api.routes import heartbeat, sessions, watch

CYRILLIC = re.compile(r"[а-яА-ЯёЁ]")


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Product]:
    async with product(tmp_path, response_budget_s=0.05, alert_interval_s=0.05) as started:
        yield started


def both(said: dict[str, Any], name: str = "message") -> None:
    assert CYRILLIC.search(said[name]), said
    assert said[f"{name}_en"], said
    assert not CYRILLIC.search(said[f"{name}_en"]), said


async def in_trouble(running: Product) -> dict[str, Any]:
    async def found() -> Any:
        (register,) = (await running.get("/v1/kkt/status"))["registers"]
        return register if register["trouble"] else None

    register: dict[str, Any] = await running.until(found)
    return register


async def test_trouble_of_a_register_is_told_in_both_languages(running: Product) -> None:
    await running.sell(1)
    running.break_register(paper_out=True)
    await running.sell(1)
    register = await in_trouble(running)
    assert register["trouble"]["code"] == "KKT_UNAVAILABLE"
    both(register["trouble"])
    (shown,) = (await asked(running, "/api/v1/status"))["registers"]
    both(shown["trouble"])


async def test_an_alert_in_the_buffer_status_is_told_in_both_languages(running: Product) -> None:
    await running.sell(1)
    running.break_register(fn_full=True)
    await running.sell(1)

    async def found() -> Any:
        return (await running.status())["alerts"]

    both((await running.until(found))[0])


@pytest.mark.parametrize("router", [watch.router, sessions.router, heartbeat.router])
def test_every_route_of_this_room_is_in_the_reference(router: APIRouter) -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "http-api.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(GET|POST) (/[^\s`?]*)", page))
    routes = {(m, r.path) for r in router.routes if isinstance(r, APIRoute) for m in r.methods or ()}
    assert routes
    assert routes <= documented
