"""What is asked for each document is worked out once, and anew when there is one more register."""

from pathlib import Path
from typing import cast

from tests.support.databases.ready_database import put_ready
from tests.support.processes.nodes import until
from tests.support.product import QUICK, product

from kkt_adapter.bootstrap import build_services
from kkt_adapter.runtime.db.sqlite import SqliteDatabase
from kkt_adapter.runtime.db.statement_count import count_statements
from kkt_adapter.settings import Settings, load_settings


async def test_end_points_are_found_again_only_when_there_is_one_more_register(tmp_path: Path) -> None:
    async with product(tmp_path, demo=True) as shop:
        lanes = shop.services.worker._endpoints
        await shop.sell(1, till="A")
        units, endpoints = shop.services.registers.all(), lanes()
        await shop.sell(2, till="A")
        assert shop.services.registers.all() is units
        assert lanes() is endpoints

        await shop.sell(1, till="B")
        assert len(shop.services.registers.all()) == len(units) + 1
        assert list(lanes()) == list(endpoints)  # the new register delivers to the same operator


async def test_clocks_that_pages_share_follow_the_register_at_once(tmp_path: Path) -> None:
    """A closed shift has no age, though the clocks were worked out a moment ago."""
    async with product(tmp_path, demo=True) as shop:
        await shop.sell(1, till="A")
        unit = shop.services.registers.chosen("A")
        observer = shop.services.watching.observer

        async def shift_age() -> float | None:
            await unit.lane.session.ask()
            clocks = {clock.name.value: clock.value for clock in observer.clocks_of(unit)}
            return clocks["shift_end"]

        assert await shift_age() is not None
        kept = observer.clocks_of(unit)
        assert observer.clocks_of(unit) is kept
        closed = await shop.call("POST", "/v1/kkt/report/z", {"pos_id": "A"})
        assert closed.status_code == 200, closed.text
        assert await shift_age() is None


async def test_a_later_start_asks_once_for_all_registers(tmp_path: Path) -> None:
    """Every lane takes its lease, compares its FN and looks for work; none in statements of its own."""
    (tmp_path / "shop.toml").write_text(
        "".join(
            f'[[register]]\nid = "T{number}"\ndriver = "virtual"\npos_ids = ["T{number}"]\n'
            for number in range(60)
        )
    )
    put_ready(tmp_path / "data" / "buffer.db")
    told = QUICK | {"data_dir": tmp_path / "data", "ofd_host": "127.0.0.1", "ofd_port": 9}
    settings = load_settings(file=tmp_path / "shop.toml", overrides=told)
    await _started_and_stopped(settings)
    assert await _started_and_stopped(settings) < 4 * 60  # it was nine for each


async def _started_and_stopped(settings: Settings) -> int:
    """Statements until all lanes rest, but for those that open the database, and those of delivery."""
    services = await build_services(settings)

    async def all_rest() -> bool:
        return all(unit.lane.holds() and unit.lane._at_rest for unit in services.registers.all())

    with count_statements(*cast(SqliteDatabase, services.database).engines) as count:
        await services.start()
        await until(all_rest, "all lanes to rest", within_s=60)
    await services.stop()
    return sum(n for text, n in count.by_text.items() if "fiscal_doc_number" not in text)
