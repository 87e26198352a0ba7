"""Examples of what the service says of itself: health and maintenance."""

from typing import Any, Final

Json = dict[str, Any]

MAINTENANCE_BODY: Final[Json] = {"reason": "Замена ФН", "estimated_duration_minutes": 30}
MAINTENANCE: Final[Json] = {
    "maintenance": True,
    "reason": "Замена ФН",
    "estimated_duration_minutes": 30,
}
MAINTENANCE_STATE: Final[Json] = {
    "maintenance": True,
    "reason": "Замена ФН",
    "since": "2026-03-14T12:00:00.000Z",
    "by": "olga",
    "estimated_end_at": "2026-03-14T12:30:00.000Z",
    "overdue": False,
}
MAINTENANCE_ENDED: Final[Json] = {"maintenance": False}
ROOT: Final[Json] = {
    "message": "kkt-adapter",
    "version": "1.0.0",
    "docs": "/docs",
    "health": "/v1/health",
    "status": "/v1/kkt/buffer/status",
}
ALIVE: Final[Json] = {"status": "ok"}
READY: Final[Json] = {"status": "ready"}
_AT: Final = "2026-03-14T09:05:00.000Z"
_OPERATOR: Final[Json] = {
    "status": "hanging",
    "state": "CLOSED",
    "last_ok": _AT,
    "last_error": None,
}
HEALTH: Final[Json] = {
    "status": "healthy",
    "version": "1.0.0",
    "circuit_breaker_state": "CLOSED",
    "maintenance": None,
    "trouble": ["ofd:relay:ofd.example:7777"],
    "components": {
        "buffer": {"status": "ok", "percent_full": 0.03, "dlq_size": 0, "pending": 3, "last_check": _AT},
        "circuit_breaker": {"state": "CLOSED", "failure_count": 0, "success_count": 0, "last_failure": None},
        "database": {
            "status": "ok",
            "type": "SQLite",
            "mode": "WAL",
            "durability": "synchronous=FULL",
            "last_check": _AT,
        },
        "kkt": {"status": "ok", "registers": {"POS-001": "ok"}, "last_check": _AT},
        "ofd": {
            "status": "hanging",
            "endpoints": {"relay:ofd.example:7777": _OPERATOR},
            "last_check": _AT,
        },
        "network": {
            "status": "online",
            "since": _AT,
            "endpoints": {"relay:ofd.example:7777": True},
            "last_check": _AT,
        },
        "odoo": {
            "status": "ok",
            "targets": {"erp": "ok"},
            "last_success_at": _AT,
            "last_error": None,
            "last_check": _AT,
        },
        "sync_worker": {"status": "running", "last_check": _AT},
        "redis": {"status": "not_configured", "last_check": None},
    },
}
HEALTH_DOWN: Final[Json] = HEALTH | {
    "status": "unhealthy",
    "trouble": ["database"],
    "components": HEALTH["components"]
    | {
        "buffer": {"status": "unknown"},
        "database": HEALTH["components"]["database"] | {"status": "down", "last_check": None},
    },
}
