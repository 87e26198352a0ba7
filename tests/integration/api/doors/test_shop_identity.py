"""A shop's id is a part of its keys: one that is gone is told, and a new name can carry the keys over."""

from pathlib import Path

import pytest
from tests.support.doors import kkm
from tests.support.product import product

from kkt_adapter.fiscal.store.session_tables import cash_transactions
from kkt_adapter.fiscal.store.tables import buffer_events


async def test_a_shop_that_is_gone_is_told_at_the_start_and_was_carries_its_keys(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with product(tmp_path, shop=(kkm.shop("old"),)) as running:
        sold = await kkm.execute(running.client, kkm.sale("1001"), authorization=kkm.basic("old"))
        assert sold["Status"] == 0
        cash = {"Command": "DepositingCash", "Amount": 50, "IdCommand": "1002"}
        report = {"Command": "XReport", "IdCommand": "1003"}
        for command in (cash, report):
            done = await kkm.execute(running.client, command, authorization=kkm.basic("old"))
            assert done["Status"] == 0, done

        async def gone() -> list[str]:
            found = await running.read(lambda c: c.execute(buffer_events.select()).all())
            return [row.metadata for row in found if row.event_type == "shop_gone"]

        await running.restart(shop=(kkm.shop("new", was=("old",)),))
        assert await gone() == []
        again = await kkm.execute(running.client, kkm.sale("1001"), authorization=kkm.basic("new"))
        assert (again["Status"], again["CheckNumber"]) == (0, sold["CheckNumber"])
        assert kkm.receipts_in(running) == 1
        for command in (cash, report):
            done = await kkm.execute(running.client, command, authorization=kkm.basic("new"))
            assert done["Warning"], "it was carried out before"
        asked = {"Command": "GetRezult", "IdCommand": "1002"}
        assert (await kkm.execute(running.client, asked, authorization=kkm.basic("new")))["Status"] == 0
        assert len(await running.read(lambda c: c.execute(cash_transactions.select()).all())) == 1
        await running.restart(shop=(kkm.shop("third"),))
        (told,) = await gone()
        assert '"old"' in told
        assert kkm.SECRET not in "".join(capfd.readouterr())
