"""``GET /metrics`` of the running product: every promised name, true values, bounded labels, who may ask."""

from pathlib import Path

import pytest
from tests.support.pages.watching import Scraped, asked, bury, scrape, signed_in, token
from tests.support.product import TILL, Product, midday_zone, product, sale, virtual_registers

from kkt_adapter.api.wire.connections import Connections, Refusal
from kkt_adapter.api.wire.limits import WireLimits
from kkt_adapter.runtime.auth.roles import Role, Scope

# Word for word: dashboards of others know these names.
GAUGES = (
    "kkt_buffer_size", "kkt_buffer_capacity", "kkt_buffer_percent_full", "kkt_oldest_receipt_age_seconds",
    "kkt_dlq_size", "kkt_circuit_breaker_state", "kkt_network_mode", "kkt_heartbeat_state",
    "kkt_hlc_drift_seconds", "kkt_fiscal_memory_days_left", "kkt_fn_documents_left",
    "kkt_fn_unsent_documents", "kkt_shift_age_seconds", "kkt_lock_available", "pos_session_cash_balance",
    "pos_unsynced_transactions", "kkt_worker_last_pass_timestamp_seconds",
)  # fmt: skip
COUNTERS = (
    "kkt_receipts_total", "kkt_receipts_synced_total", "kkt_circuit_breaker_opens_total",
    "kkt_circuit_breaker_failures_total", "kkt_heartbeat_failures_total", "kkt_ofd_errors_total",
    "kkt_print_errors_total", "kkt_idempotent_replays_total", "kkt_sync_lock_conflicts_total",
)  # fmt: skip
HISTOGRAMS = (
    "kkt_receipt_latency_seconds", "kkt_print_duration_seconds", "kkt_sync_duration_seconds",
    "kkt_ofd_request_seconds", "kkt_device_command_seconds",
)  # fmt: skip
LABELS = {
    "kkt_receipts_total": "status",
    "kkt_receipts_synced_total": "status",
    "kkt_ofd_errors_total": "error_code",
    "kkt_print_errors_total": "reason",
}


async def test_a_scrape_contains_every_promised_name_with_a_value(running: Product) -> None:
    session = await running.client.post(
        "/v1/pos/session/open", json={"pos_id": "POS-001", "opening_cash": 50}
    )
    assert session.status_code == 200, session.text
    await running.sell(1)
    await running.delivered()
    found = await scrape(running)
    for name in GAUGES:
        assert found.families[name].type == "gauge", name
        assert found.families[name].samples, name
    for name in COUNTERS:
        assert found.families[name.removesuffix("_total")].type == "counter", name
        assert found.named(name), name
    for name in HISTOGRAMS:
        assert found.families[name].type == "histogram", name
        assert found.named(f"{name}_bucket"), name
    for name, label in LABELS.items():
        assert all(dict(labels).keys() == {label} for _, labels in found.named(name)), name


async def test_every_name_is_there_before_anything_happened(running: Product) -> None:
    found = await scrape(running)
    for name in (*GAUGES, *HISTOGRAMS):
        assert name in found.families
    for name in COUNTERS:
        assert name.removesuffix("_total") in found.families


async def told_of(running: Product, *, synced: int) -> Scraped | None:
    """What a pass has delivered is counted when it ends."""
    found = await scrape(running)
    return found if found.value("kkt_receipts_synced_total", status="synced") >= synced else None


async def test_values_are_what_happened(running: Product) -> None:
    await running.client.post("/v1/pos/session/open", json={"pos_id": "POS-001", "opening_cash": 50})
    await running.sell(3)
    await running.post(sale(), key="again")
    await running.post(sale(), key="again")
    refused = await running.post(sale(payments=[]))
    assert refused.status_code == 422
    await running.post(sale(till="NOBODY"))
    await running.delivered()
    found = await running.until(lambda: told_of(running, synced=4))
    assert found.value("kkt_receipts_total", status="printed") == 4
    assert found.value("kkt_receipts_total", status="refused") == 2
    assert found.value("kkt_idempotent_replays_total") == 1
    assert found.value("kkt_receipts_synced_total", status="synced") == 4
    assert found.value("kkt_receipt_latency_seconds_count") == 4
    assert found.value("kkt_print_duration_seconds_count", device="POS-001") == 4
    assert found.value("kkt_device_command_seconds_count", device="POS-001") == 4
    halves = [
        found.value("kkt_receipt_device_seconds", device="POS-001", quantile=q)
        for q in ("0.5", "0.95", "0.99")
    ]
    assert halves == sorted(halves)
    assert found.value("pos_session_cash_balance", pos_id="POS-001") == 450
    assert found.value("kkt_buffer_size") == 0
    assert found.value("kkt_buffer_capacity") == 10_000
    assert found.value("kkt_circuit_breaker_state") == 0
    assert found.value("kkt_lock_available") == 1
    assert found.value("kkt_worker_up") == 1
    assert found.value("kkt_worker_last_pass_timestamp_seconds") > 1.7e9
    assert found.value("kkt_fiscal_memory_days_left", device="POS-001") > 1000


async def test_refused_connections_are_counted_by_reason(running: Product) -> None:
    counts = running.services.watching.connections
    table = Connections(WireLimits(), counts=counts)
    table.count(Refusal.HEAD_TOO_LARGE, "203.0.113.7")
    counts.open += 2
    found = await scrape(running)
    assert found.value("kkt_http_connections_refused_total", reason="head_too_large") == 1
    assert found.value("kkt_http_connections_refused_total", reason="total") == 0
    assert found.value("kkt_http_connections") == 2


async def test_trouble_shows_in_its_own_metrics(tmp_path: Path) -> None:
    async with product(tmp_path, breaker_open_s=60.0, breaker_failures=1, response_budget_s=0.3) as running:
        sold = await running.sell(1)
        await running.delivered()
        await running.break_operator("down")
        sold += await running.sell(1)
        late = sum(answer["status"] == "buffered" for answer in sold)  # on a slow machine

        async def is_open() -> bool:
            return (await scrape(running)).value("kkt_circuit_breaker_state") == 1

        await running.until(is_open)
        running.break_register(paper_out=True)
        answer = await running.post(sale())
        assert answer.json()["status"] == "buffered"
        await bury(running, 3)

        async def not_ready() -> bool:
            series = (await scrape(running)).series
            refused = series.get(("kkt_print_errors_total", (("reason", "not_ready"),)), 0)
            return refused >= 1 and series["kkt_register_ready", (("device", "POS-001"),)] == 0

        await running.until(not_ready)
        found = await scrape(running)
        assert found.value("kkt_circuit_breaker_opens_total") == 1
        assert found.value("kkt_circuit_breaker_failures_total") == 1
        assert found.value("kkt_ofd_errors_total", error_code="connection") == 1
        assert found.value("kkt_receipts_synced_total", status="failed") == 1
        assert found.value("kkt_receipts_total", status="buffered") == 1 + late
        assert found.value("kkt_buffer_size") == 2
        assert found.value("kkt_oldest_receipt_age_seconds") > 0
        assert found.value("kkt_dlq_size") == 3
        assert found.value("kkt_unprinted_receipts") == 1


async def test_receipts_make_no_new_series(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("A", "B")) as running:
        await running.sell(1, till="A")
        await running.sell(1, till="B")
        await running.delivered()
        before = set((await scrape(running)).series)
        for n in range(10):
            await running.post(sale(till="AB"[n % 2], kop=100 + n, name=f"Item {n}"))
            await running.post(sale(till=f"UNKNOWN-{n}"))
        await running.delivered()
        assert set((await scrape(running)).series) == before


async def test_latency_counts_from_the_acceptance_however_late_the_print_is(tmp_path: Path) -> None:
    """Also of receipts that were accepted before a restart."""
    async with product(tmp_path, response_budget_s=0.1) as running:
        running.break_register(paper_out=True)
        await running.sell(1)
        await running.restart()
        await running.delivered()
        found = await scrape(running)
        assert found.value("kkt_receipt_latency_seconds_count") == 1
        assert found.value("kkt_receipt_latency_seconds_sum") > 0.1
        assert found.value("kkt_receipts_total", status="printed") == 0


async def test_metrics_need_a_token_of_scope_read_or_an_account(tmp_path: Path) -> None:
    async with product(tmp_path, auth="closed") as running:
        assert (await running.client.get("/metrics")).status_code == 401
        pos = await running.client.get("/metrics", headers=await token(running, Scope.POS))
        assert pos.status_code == 403
        await scrape(running, await token(running, Scope.READ))
        await scrape(running, await signed_in(running, Role.VIEWER))


async def test_the_summary_for_people_always_needs_an_account(running: Product) -> None:
    for path in ("/api/v1/status", "/api/v1/alerts", "/api/v1/alerts/history", "/api/v1/sales/today"):
        assert (await running.client.get(path)).status_code == 401
        reader = await running.client.get(path, headers=await token(running, Scope.READ))
        assert reader.status_code == 403
        assert (await running.client.get(path, headers=await signed_in(running))).status_code == 200


async def test_status_tells_everything_at_a_look(tmp_path: Path) -> None:
    # The zone is that of the FN's first document, too: put back later, its clock would be seen to differ.
    async with product(tmp_path, registers=virtual_registers(TILL, timezone=midday_zone())) as running:
        await running.sell(2, kop=12_345)
        await running.delivered()
        found = await asked(running, "/api/v1/status")
        assert found["status"] == "healthy"
        assert found["buffer"]["total_receipts"] == 2
        assert found["network"]["status"] == "online"
        assert found["worker"]["running"] is True
        assert found["alerts"] == {"P1": 0, "P2": 0, "P3": 0, "INFO": 0}
        assert found["sales_today"]["total_revenue"] == 246.90
        (register,) = found["registers"]
        assert (register["register_id"], register["state"], register["trouble"]) == ("POS-001", "ready", None)
        assert {clock["name"] for clock in register["clocks"]} == {
            "shift_end", "undelivered", "fn_documents", "fn_expiry", "register_drift", "operator_drift"
        }  # fmt: skip


async def test_the_legal_clocks_of_a_till(tmp_path: Path) -> None:
    async with product(tmp_path, registers=virtual_registers("A", "B")) as running:
        await running.sell(1, till="A")
        await running.delivered()
        both = await running.get("/v1/kkt/clocks")
        assert [register["register_id"] for register in both["registers"]] == ["A", "B"]
        (one,) = (await running.get("/v1/kkt/clocks", pos_id="A"))["registers"]
        clocks = {clock["name"]: clock for clock in one["clocks"]}
        shift = clocks["shift_end"]
        assert shift["limit"] == 86_400
        assert shift["left"] == pytest.approx(86_400 - shift["value"])
        assert abs(clocks["register_drift"]["value"]) <= 1
        assert abs(clocks["operator_drift"]["value"]) <= 1
        assert (await running.client.get("/v1/kkt/clocks?pos_id=NOBODY")).status_code == 404
