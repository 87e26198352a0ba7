"""Structured logging: one event name and fields in each line, and no secret in any of them.

JSON lines for machines, coloured text on a terminal. `configure_logging` is for the composition root
alone; without it structlog's own defaults print to the terminal, which is what tests want.

What a request is about is said once, with `about`, and stands in every line until `forget`. It costs one
assignment, whatever the level: nothing is made of it before a line is written.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol, cast

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from kkt_adapter.kernel.foreign_text import tidy
from kkt_adapter.runtime.log_lines import LogLines

HIDDEN = "***"
_LEAD = ("timestamp", "level", "component", "event")
_CAPITAL_WITHIN = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
LONGEST = 2000  # characters of one value
TRACES = ("exception", "stack")
_PLAIN = frozenset({type(None), bool, int, float})  # types of values that are written as they are
_to_json = json.JSONEncoder(ensure_ascii=False, default=str).encode
_DEPTH = 6  # containers within containers that are looked into; below that everything is hidden

# Words of a field's name that make its value a secret or a buyer's contact.
SECRET_WORDS = frozenset(
    {
        "authorization", "bearer", "buyer", "contact", "cookie", "credential", "credentials", "customer",
        "email", "jwt", "mail", "passphrase", "passwd", "password", "phone", "pwd", "secret", "tel",
        "telephone", "token", "tokens",
    }
)  # fmt: skip
SECRET_NAMES = frozenset({"api_key", "apikey", "private_key", "privatekey", "idempotency_key", "set_cookie"})

# Libraries that say at INFO what we say ourselves.
QUIET = ("alembic", "apscheduler", "httpx2", "httpcore2", "uvicorn.access")


_NOTHING: Mapping[str, str] = MappingProxyType({})
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=_NOTHING)


class LogFormat(StrEnum):
    AUTO = "auto"  # console on a terminal, else JSON
    JSON = "json"
    CONSOLE = "console"


class LogStream(Protocol):
    """Where lines go: a text file, or `LogLines`."""

    def write(self, text: str, /) -> int: ...
    def flush(self) -> None: ...
    def isatty(self) -> bool: ...


def get_logger(component: str) -> FilteringBoundLogger:
    """A logger whose lines carry ``component``; cheap, and safe to call before `configure_logging`.

    It is put together anew for each line, also for one that is not written (5 us). A part that logs for every
    receipt and is made after `configure_logging` keeps ``get_logger(...).bind()``.
    """
    return cast(FilteringBoundLogger, structlog.get_logger(component=component))


def about(**fields: str) -> None:
    """The rest of this task's lines, and those of tasks it starts, carry these fields too."""
    _about.set({**_about.get(), **fields})


def forget() -> None:
    """The lines that follow are about nothing in particular."""
    _about.set(_NOTHING)


def configure_logging(
    *, level: str = "INFO", log_format: LogFormat = LogFormat.AUTO, stream: LogStream | None = None
) -> None:
    """Route structlog and the standard library's logging to ``stream`` (default: standard error).

    ``level`` is a name of the standard library (DEBUG, INFO, WARNING, ERROR). May be called again.

    Raises:
        ValueError: no such level.
    """
    threshold = logging.getLevelNamesMapping().get(level.upper())
    if threshold is None:
        raise ValueError(f"unknown log level {level!r}")
    out: LogStream = stream or sys.stderr
    console = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and out.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        with_subject,
        _component_of_logger,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[Processor] = [
        mask_secrets,
        # Not the default formatter: it prints local variables, and those hold receipts and tokens.
        structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]
    if not console:
        last = [
            structlog.processors.format_exc_info,
            mask_secrets,
            _lead_first,
            _as_json,
        ]
    handler = logging.StreamHandler(out)
    structlog.configure(
        processors=[*shared, _written_by(last)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda name="": _Lines(name, handler),
        cache_logger_on_first_use=False,  # loggers made before this call must follow it too
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_component_of_library, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(threshold)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(threshold, logging.WARNING))


class _Lines:
    """What structlog writes our own finished lines with.

    They go to the handler's stream, under its lock, but not through the standard library's records, filters
    and formatters, which cost as much as all the rest of a line. As there, a line that cannot be written
    fails nobody.
    """

    def __init__(self, name: str, handler: "logging.StreamHandler[LogStream]") -> None:
        self.name = name
        self._handler = handler

    def write(self, line: str) -> None:
        handler = self._handler
        handler.acquire()
        try:
            handler.stream.write(line + handler.terminator)
            handler.flush()
        except Exception:
            handler.handleError(logging.makeLogRecord({"name": self.name, "msg": line}))
        finally:
            handler.release()

    debug = info = warning = error = critical = write


def _written_by(last: Sequence[Processor]) -> Processor:
    """The last processors as one; what cannot be shown ends the line and not the work that it tells of."""

    def finished(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
        shown: Any = event
        try:
            for step in last:
                shown = step(logger, method, shown)
        except Exception as error:
            return _to_json({"level": method, "event": "line_not_shown", "error": type(error).__name__})
        return cast(str, shown)

    return finished


def lines_dropped() -> int:
    """Lines since the start that nobody will read, as far as `configure_logging` got a stream that counts."""
    streams = [getattr(handler, "stream", None) for handler in logging.getLogger().handlers]
    return sum(stream.dropped for stream in streams if isinstance(stream, LogLines))


def mask_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides secrets and buyers' contacts by the names of fields, at any depth.

    Every text becomes one visible line of bounded length, whoever wrote it.
    """
    trace = event.pop("exc_info", None)  # the renderer needs it as it is
    traces = {name: event.pop(name) for name in TRACES if name in event}  # our own texts, of many lines
    masked = cast(MutableMapping[str, Any], _masked(event, _DEPTH))
    masked.update(traces)
    if trace is not None:
        masked["exc_info"] = trace
    return masked


@lru_cache(maxsize=1024)
def is_secret(name: str) -> bool:
    """Does a field of this name carry a secret? ``access_token``, ``buyerEmail``, ``X-Authorization`` do."""
    plain = _CAPITAL_WITHIN.sub("_", name).replace("-", "_").lower()
    return plain in SECRET_NAMES or not SECRET_WORDS.isdisjoint(plain.split("_"))


def _masked(value: Any, depth: int) -> Any:
    if type(value) is str:
        return tidy(value, limit=LONGEST)
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        if depth == 0:
            return HIDDEN
        return {
            key: HIDDEN
            if isinstance(key, str) and is_secret(key) and item is not None
            else _masked(item, depth - 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset) and not hasattr(value, "tb_frame"):
        return HIDDEN if depth == 0 else [_masked(item, depth - 1) for item in value]
    return tidy(value, limit=LONGEST) if isinstance(value, str) else value


def _lead_first(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What people look for stands at the beginning of the line."""
    lead = {key: event.pop(key) for key in _LEAD if key in event}
    return {**lead, **event}


def _as_json(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    return _to_json(event)


def with_subject(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: adds what the task's lines are about. What the line says itself goes before."""
    for name, value in _about.get().items():
        event.setdefault(name, value)
    return event


def _component_of_logger(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Loggers that were made with a bare name, ``structlog.get_logger("lane")``."""
    if logger is not None:
        event.setdefault("component", logger.name)
    return event


def _component_of_library(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    record = event.get("_record")
    if record is not None:
        event["component"] = record.name
    return event
