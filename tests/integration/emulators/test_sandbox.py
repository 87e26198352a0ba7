"""The sandbox: its buttons over the product, and what its command sets up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.product import Product, product, sale

from kkt_adapter.cli.service.sandbox_command import GROUP, claim, sandbox_settings
from kkt_adapter.emulators.sandbox import MOUNT, SandboxClock, buttons
from kkt_adapter.kernel.errors import SettingsInvalid


@asynccontextmanager
async def sandboxed(tmp_path: Path) -> AsyncIterator[Product]:
    given = sandbox_settings(host="127.0.0.1", port=0, data_dir=tmp_path, callbacks=False)
    clock = SandboxClock(tmp_path / "clock.json")
    async with product(
        tmp_path, registers=given.registers, group=given.group, shop=given.shop, clock=clock
    ) as running:
        panel = buttons(running.services, clock=clock, operator=running.ofd)
        running.services.app.beside(MOUNT, panel)
        yield running


async def press(running: Product, path: str, body: Any, status: int = 200) -> Any:
    answer = await running.call("POST", f"{MOUNT}/{path}", body)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_buttons_break_and_mend_and_the_clock_moves_and_counts_as_right(tmp_path: Path) -> None:
    async with sandboxed(tmp_path) as running:
        await running.sell(1, till=GROUP)
        shown = await press(running, "clock", {"advance_s": 30 * 3600})
        assert shown["clock"]["ahead_s"] == 30 * 3600
        assert running.services.clock_watch.believed()
        (sold,) = await running.sell(1, till=GROUP)  # the shift of yesterday was closed by itself
        assert sold["status"] == "printed"
        assert SandboxClock(tmp_path / "clock.json").ahead == running.clock.ahead  # type: ignore[attr-defined]

        await press(running, "registers/K1", {"answer_lost": 1})
        (sold,) = await running.sell(1, till=GROUP)
        await running.state_of(sold["receipt_id"], print_state="printed")
        await press(running, "registers/K1", {"paper_out": True, "slow_s": 0.01})
        await running.until(lambda: _reason(running, "paper"))
        await press(running, "operator", {"down": True})
        shown = await press(running, "reset", {})
        assert shown["registers"]["K1"]["paper_out"] is False
        assert shown["operator"]["down"] is False
        await running.until(lambda: _reason(running, None))
        await running.delivered()
        await running.check_books(in_order=False)


async def _reason(running: Product, wanted: str | None) -> bool:
    found = await running.get("/v1/kkt/ready", pos_id="POS-001")
    return bool(found["reason"] == wanted)


async def test_nonsense_is_refused_and_without_a_sandbox_there_are_no_buttons(tmp_path: Path) -> None:
    async with sandboxed(tmp_path) as running:
        await press(running, "clock", {"advance_s": -1}, 422)
        await press(running, "clock", [], 422)
        await press(running, "registers/K9", {}, 404)
        await press(running, "registers/K1", {"fire": True}, 422)
        await press(running, "operator", {"slow_s": "x"}, 422)
        wrong = await running.call("GET", f"{MOUNT}/reset")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert wrong.json()["code"] == "METHOD_NOT_ALLOWED"
    async with product(tmp_path / "other") as running:
        assert (await running.call("POST", f"{MOUNT}/clock", {"advance_s": 1})).status_code == 404
        assert (await running.call("GET", f"{MOUNT}/")).status_code == 404
        assert (await running.post(sale())).status_code == 200


def test_a_directory_of_a_shop_is_refused_and_its_own_is_taken_again(tmp_path: Path) -> None:
    claim(tmp_path / "new")
    claim(tmp_path / "new")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "buffer.db").touch()
    with pytest.raises(SettingsInvalid, match="not a sandbox's"):
        claim(tmp_path / "shop")


def test_nothing_is_read_from_the_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kkt-adapter.toml").write_text('[[register]]\nid = "REAL"\ndriver = "shtrih"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KKT_PORT", "9")
    given = sandbox_settings(host="127.0.0.1", port=0, data_dir=tmp_path, callbacks=False)
    assert {register.driver for register in given.registers} == {"virtual"}
    assert given.port == 0
    assert [shop.doors for shop in given.shop] == [("atol-online",), ("kkmserver",)]
    assert all(set(shop.callback_hosts) == {"localhost", "127.0.0.1"} for shop in given.shop)
    beyond = sandbox_settings(host="0.0.0.0", port=0, data_dir=tmp_path, callbacks=True)
    assert beyond.shop[0].secret != given.shop[0].secret
    assert beyond.shop[0].callback_hosts == ()
    assert [one.shop[1].anonymous for one in (given, beyond)] == [True, False]
