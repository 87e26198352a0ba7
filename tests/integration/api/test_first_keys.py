"""A key of version 0.1.0 is answered after the upgrade as before, whatever has been added to the rules."""

import json
from pathlib import Path
from typing import Any

from sqlalchemy import update
from tests.support.product import product, sale

from kkt_adapter.fiscal.store.tables import idempotency

FIRST: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "requests_0_1_0.json").read_text(encoding="utf-8")
)
JSON = {"Content-Type": "application/json"}


async def test_a_retry_of_a_receipt_of_the_first_version_replays(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        answer = (await running.post(sale(), key="first")).json()

        async def keep(request_hash: str) -> None:
            """As 0.1.0 left the key's row."""
            row = update(idempotency).where(idempotency.c.key == "first")
            changed = row.values(request_hash=bytes.fromhex(request_hash))
            await running.services.database.write(lambda c: c.execute(changed))

        for first in FIRST:
            await keep(first["request_hash"])
            headers = {**JSON, "Idempotency-Key": "first"}
            again = await running.client.post(
                "/v1/kkt/receipt", content=first["body"].encode(), headers=headers
            )
            assert again.status_code == 200, (first["case"], again.text)
            assert again.headers["idempotency-replayed"] == "true"
            assert again.json()["receipt_id"] == answer["receipt_id"]
            other = first["body"].replace('"name": "', '"name": "another ', 1)
            conflict = await running.client.post("/v1/kkt/receipt", content=other.encode(), headers=headers)
            assert conflict.status_code in (409, 422), first["case"]
        assert len(running.archive()) == 3  # registration, opening, one receipt


async def test_a_foreign_word_is_refused_and_an_unknown_field_told(tmp_path: Path) -> None:
    async with product(tmp_path) as running:
        refused = await running.post(sale() | {"sno": "osn"})
        (error,) = refused.json()["errors"]
        assert (refused.status_code, error["field"], error["code"]) == (422, "sno", "foreign_name")
        accepted = (await running.post(sale() | {"comment": "x"}, key="k")).json()
        assert [w["code"] for w in accepted["warnings"]] == ["FIELD_IGNORED"]
        await running.restart(unknown_fields="refuse")
        strict = await running.post(sale() | {"comment": "x"})
        assert [e["code"] for e in strict.json()["errors"]] == ["unknown_field"]
        replayed = await running.post(sale() | {"comment": "x"}, key="k")
        assert replayed.status_code == 200, "a key goes before a rule that came later"
