"""Examples of what the watching parts answer; every number in them is made up."""

from typing import Any, Final

from kkt_adapter.api.schemas.examples import buffer as buffer_examples
from kkt_adapter.api.schemas.examples import health as health_examples

Json = dict[str, Any]

ALERT: Final[Json] = {
    "level": "P2",
    "code": "BREAKER_OPEN",
    "subject": "relay:ofd.example:7777",
    "message": "Предохранитель relay:ofd.example:7777 разомкнут: ОФД не отвечает.",
    "action": "Проверьте интернет и адрес ОФД; продажи идут, чеки ждут в буфере.",
    "timestamp": "2026-03-14T09:05:00.000Z",
    "since": "2026-03-14T09:00:00.000Z",
    "becomes": None,
    "runbook": "docs/runbook/breaker-open.md",
}
ALERTS: Final = [ALERT]
HISTORY: Final[Json] = {
    "items": [
        {
            "id": 7,
            "level": "P2",
            "code": "BREAKER_OPEN",
            "subject": "relay:ofd.example:7777",
            "message": "Предохранитель relay:ofd.example:7777 разомкнут: ОФД не отвечает.",
            "started_at": "2026-03-14T09:05:00.000Z",
            "ended_at": "2026-03-14T09:31:05.000Z",
        }
    ]
}
CLOCKS: Final[Json] = {
    "registers": [
        {
            "register_id": "POS-001",
            "as_of": "2026-03-14T09:00:00.000Z",
            "clocks": [
                {
                    "name": "shift_end",
                    "unit": "s",
                    "value": 3600.0,
                    "limit": 86400.0,
                    "left": 82800.0,
                    "per_day": None,
                    "reached_at": "2026-03-15T08:00:00.000Z",
                },
                {
                    "name": "fn_documents",
                    "unit": "documents",
                    "value": 229000,
                    "limit": 0,
                    "left": 229000,
                    "per_day": 412.5,
                    "reached_at": "2027-09-20T11:00:00.000Z",
                },
            ],
        }
    ]
}
SALES_TODAY: Final[Json] = {
    "date": "2026-03-14",
    "total_revenue": 15300.50,
    "total_count": 42,
    "refund_count": 1,
    "hourly_data": [{"hour": 9, "revenue": 1200.00, "count": 4}],
}
STATUS: Final[Json] = {
    "status": "healthy",
    "version": "1.0.0",
    "time": "2026-03-14T09:05:00.000Z",
    "maintenance": None,
    "network": health_examples.HEALTH["components"]["network"],
    "circuit_breaker": health_examples.HEALTH["components"]["circuit_breaker"],
    "operators": health_examples.HEALTH["components"]["ofd"],
    "back_offices": health_examples.HEALTH["components"]["odoo"],
    "buffer": {name: value for name, value in buffer_examples.BUFFER_STATUS.items() if name != "alerts"},
    "worker": buffer_examples.WORKER,
    "registers": [one | {"state": "ready", "trouble": None} for one in CLOCKS["registers"]],
    "alerts": {"P1": 0, "P2": 0, "P3": 0, "INFO": 0},
    "sales_today": {"date": "2026-03-14", "total_revenue": 15300.50, "total_count": 42},
}
