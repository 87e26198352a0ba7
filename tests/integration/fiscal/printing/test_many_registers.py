"""What is asked for each document is worked out once, and anew when there is one more register."""

from pathlib import Path

from tests.support.product import product


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
