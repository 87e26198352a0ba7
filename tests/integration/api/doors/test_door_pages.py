"""Web pages at both doors: one that no account lists stores nothing, whatever it sends."""

import json
from pathlib import Path
from typing import Any

from tests.support.doors import kkm
from tests.support.doors.kkm import basic, sale
from tests.support.doors.shops import SECRET, STAMP, client_of, receipt, shop_settings
from tests.support.product import product

from kkt_adapter.fiscal.store.tables import receipts

PAGE, FOREIGN = "https://till.example", "https://evil.example"
SELL, TOKEN = "/possystem/v5/POS-001/sell", "/possystem/v5/getToken"
ASKS = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
ALLOWED = "access-control-allow-origin"


async def test_a_page_calls_a_door_only_if_the_account_lists_it(tmp_path: Path) -> None:
    shops = (shop_settings(origins=(PAGE,)), kkm.shop(origins=(PAGE,)))
    async with product(tmp_path, shop=shops) as running:
        client, web = running.client, await client_of(running)
        signed = {"/Execute": {"Authorization": basic()}, SELL: {"Token": web.token}, TOKEN: {}}
        sent: dict[str, Any] = {
            "/Execute": sale("page"),
            SELL: {"timestamp": STAMP, "external_id": "page", "receipt": receipt(await web.inn())},
            TOKEN: {"login": "web-login", "pass": SECRET},
        }
        for path, headers in signed.items():
            content = json.dumps(sent[path]).encode()
            for kind in ("application/json", "text/plain"):
                for page in ({"Origin": FOREIGN}, {"Sec-Fetch-Site": "cross-site"}):
                    told = await client.post(
                        path, content=content, headers=headers | page | {"Content-Type": kind}
                    )
                    if path == TOKEN and kind == "text/plain":
                        assert told.status_code == 415, "nobody is known before the body is read"
                    else:
                        assert told.status_code == 403, (path, kind, told.text)
                    assert ALLOWED not in told.headers
            asked = await client.request("OPTIONS", path, headers=ASKS | {"Origin": FOREIGN})
            assert asked.status_code == 403, asked.text
        assert await running.read(lambda c: c.execute(receipts.select()).all()) == []
        for path, headers in signed.items():
            page = {"Origin": PAGE}
            asked = await client.request("OPTIONS", path, headers=ASKS | page)
            assert (asked.status_code, asked.headers[ALLOWED]) == (204, PAGE)
            assert asked.headers["access-control-allow-private-network"] == "true"
            for name in (*headers, "content-type"):
                assert name.lower() in asked.headers["access-control-allow-headers"]
            told = await client.post(path, json=sent[path], headers=headers | page)
            assert (told.status_code, told.headers[ALLOWED]) == (200, PAGE), told.text
        refused = await client.post(SELL, json=sent[SELL], headers={"Origin": PAGE, "Token": "wrong"})
        assert (refused.status_code, refused.headers[ALLOWED]) == (401, PAGE), "the page may say why"
        assert len(await running.read(lambda c: c.execute(receipts.select()).all())) == 2


PATHS = (
    "/possystem",
    "/possystem/",
    "/possystem/v4",
    "/possystem/v6/main/sell",
    "/possystem/v4/a/b/c",
)


async def test_a_path_below_that_of_a_door_is_refused_in_its_form(tmp_path: Path) -> None:
    async with product(tmp_path, shop=(shop_settings(), kkm.shop())) as running:
        web = await client_of(running)
        for path in PATHS:
            answer = await running.client.post(path, json={}, headers={"Token": web.token})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, 31), answer.text
        pressed = await kkm.execute(running.client, sale("x"), path="/Execute/nope")
        assert (pressed["Status"], "[not_found]" in pressed["Error"]) == (3, True), pressed
        assert "sync" in pressed["Error"]
