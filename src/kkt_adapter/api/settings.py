"""What the HTTP edge needs to know of the configuration; the composition root fills it in."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from kkt_adapter.kernel.errors import SettingsInvalid

MAX_RECEIPT_BYTES = 1024 * 1024  # about 4,000 lines
MAX_BODY_BYTES = 16 * 1024  # of everything that is no receipt
BODIES_BYTES = 64 * 1024 * 1024  # of all bodies over MAX_BODY_BYTES that arrive or are at work
BODY_DEADLINE_S = 10.0  # the whole body must have arrived by then
MAX_IN_FLIGHT = 256  # requests at work or waiting in /v1 and /api/v1; health is never counted
ANONYMOUS_SHARE = 0.25  # of MAX_IN_FLIGHT, for requests without a valid credential while they are needed
RATE_LIMIT_PER_S = 60  # per verified sender; of all others, per address

_ABOVE_0 = ("max_receipt_bytes", "max_body_bytes", "bodies_bytes", "max_in_flight", "body_deadline_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """Every limit of the edge.

    ``allowed_hosts`` are names or addresses without a port, beside the loopback names, which are always
    allowed. ``allowed_origins`` are pages that may call the adapter from a browser
    (``https://odoo.example``), written as the browser writes them; ``*`` is refused at start.
    """

    auth_open: bool = True  # all of /v1 without a token; the composition root allows it on loopback only
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    rate_limit_per_s: int = RATE_LIMIT_PER_S  # 0: off; not looked at while auth_open
    max_receipt_bytes: int = MAX_RECEIPT_BYTES
    max_body_bytes: int = MAX_BODY_BYTES
    bodies_bytes: int = BODIES_BYTES
    body_deadline_s: float = BODY_DEADLINE_S
    max_in_flight: int = MAX_IN_FLIGHT
    access_log: bool = False  # one debug line a request
    refuse_unknown_fields: bool = False  # of a receipt; else each gives a warning
    path_prefix: str = ""  # under which a proxy shows the pages; it takes it off before it asks us

    def __post_init__(self) -> None:
        """Raises SettingsInvalid, naming the value."""
        for origin in self.allowed_origins:
            if not _is_origin(origin):
                raise SettingsInvalid(
                    f"allowed_origins: {origin!r} is not an origin; write scheme and host as the browser "
                    "does, https://odoo.example, without a path and without *",
                    f"allowed_origins: {origin!r} — не источник; укажите схему и узел, как их пишет браузер, "
                    "https://odoo.example, без пути и без *",
                )
        for host in self.allowed_hosts:
            if not host or "/" in host or "*" in host:
                raise SettingsInvalid(
                    f"allowed_hosts: {host!r} is not a host name or address",
                    f"allowed_hosts: {host!r} — не имя и не адрес узла",
                )
        for name in _ABOVE_0:
            if getattr(self, name) <= 0:
                raise SettingsInvalid(f"{name}: must be above 0", f"{name}: должно быть больше 0")
        if self.rate_limit_per_s < 0:
            raise SettingsInvalid(
                "rate_limit_per_s: must be 0 (off) or more",
                "rate_limit_per_s: должно быть 0 (выключено) или больше",
            )


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    whole = f"{parts.scheme}://{parts.netloc}"
    plain = parts.netloc and "*" not in text and "@" not in text
    return bool(plain) and parts.scheme in ("http", "https") and whole == text
