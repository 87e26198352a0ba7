"""Modules that libraries load in case somebody wants them, and that the service never does.

Each costs a megabyte or more for as long as the service runs.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


def skip_extras() -> None:
    """Call it once, before anything else imports structlog or FastAPI.

    structlog draws tracebacks with rich when it finds it (ours are plain, see ``runtime.log``); rich can be
    imported as ever afterwards. FastAPI asks of every model whether it is one of pydantic 1; none is, and
    without that module it knows at once.
    """
    with _absent("rich"):
        import structlog.dev  # noqa: F401
    if "pydantic.v1" not in sys.modules:
        _hide("pydantic.v1")


@contextmanager
def _absent(module: str) -> Iterator[None]:
    if module in sys.modules:
        yield
        return
    _hide(module)
    try:
        yield
    finally:
        del sys.modules[module]


def _hide(module: str) -> None:
    """None in place of a module makes importing it fail (Python's reference, 5.3.1)."""
    sys.modules[module] = None  # type: ignore[assignment]
