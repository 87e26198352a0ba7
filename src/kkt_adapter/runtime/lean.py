"""What libraries load or build in case somebody wants it, and what the service never needs, or much later.

Each costs a megabyte or more for as long as the service runs.
"""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


def skip_extras() -> None:
    """Call it once, before anything else imports structlog or FastAPI.

    structlog draws tracebacks with rich when it finds it (ours are plain, see ``runtime.log``), and tells
    greenlets from threads (we have none, and that is the C++ library); both can be imported as ever
    afterwards. FastAPI asks of every model whether it is one of pydantic 1; none is, and
    without that module it knows at once. uvicorn brings its own command line, reloader and readers of
    log settings (ours are set by ``runtime.log``), and PyJWT a client that fetches keys over HTTP. The list
    of installed packages, which also reads mail headers and archives, and the client of ``http``, of which
    Starlette wants the phrases of rare answers, are loaded when somebody looks at them.
    """
    _load_when_used("importlib.metadata")
    _load_when_used("http.client")
    _without_plugins()
    with _absent("rich"), _absent("greenlet"):
        import structlog.dev  # noqa: F401
    if "pydantic.v1" not in sys.modules:
        _hide("pydantic.v1")
    with (
        _left_out("uvicorn.main", "Server", "main", "run"),
        _left_out("logging.config"),
        _left_out("configparser", "RawConfigParser"),
    ):
        import uvicorn  # noqa: F401
    with _left_out("jwt.jwks_client", "PyJWKClient"):
        import jwt  # noqa: F401


def ready_for_fastapi() -> None:
    """Call it before FastAPI is imported: what checks a request or describes an answer is built with the
    first use of its route, and the models of the API's description with the first look at it."""
    if "fastapi" not in sys.modules:
        _build_descriptions_late()
        _build_checks_late()


def _build_descriptions_late() -> None:
    """FastAPI's models of OpenAPI: pydantic builds a model at its first use where ``defer_build`` says so, by
    when it finds what those wait for that are rebuilt explicitly."""
    from pydantic import BaseModel

    rebuild = BaseModel.__dict__["model_rebuild"]

    def when_used(cls: type[BaseModel], /, **options: Any) -> Any:
        return rebuild.__func__(cls, **options) if options else None  # pydantic's own calls give some

    BaseModel.model_config["defer_build"] = True
    BaseModel.model_rebuild = classmethod(when_used)  # type: ignore[assignment]
    try:
        import fastapi.openapi.models  # noqa: F401
    finally:
        BaseModel.model_rebuild = rebuild  # type: ignore[method-assign]
        del BaseModel.model_config["defer_build"]


def _build_checks_late() -> None:
    """FastAPI makes a ``TypeAdapter`` for every parameter, body and answer of every route."""
    import fastapi._compat.v2 as compat
    from pydantic import TypeAdapter
    from pydantic.warnings import UnsupportedFieldAttributeWarning

    class LateAdapter:
        """Makes the ``TypeAdapter`` when something is asked of it."""

        def __init__(self, *args: Any, **options: Any) -> None:
            self._asked = args, options
            self._made: TypeAdapter[Any] | None = None

        def __getattr__(self, name: str) -> Any:
            if self._made is None:
                args, options = self._asked
                with warnings.catch_warnings():  # as FastAPI does around the making
                    warnings.simplefilter("ignore", category=UnsupportedFieldAttributeWarning)
                    self._made = TypeAdapter(*args, **options)
            return getattr(self._made, name)

    compat.TypeAdapter = LateAdapter  # type: ignore[assignment,attr-defined]


def _without_plugins() -> None:
    """pydantic asks every installed package for a plugin, unless it is told that there are none."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    loader = "pydantic.plugin._loader"
    if loader not in sys.modules:
        _stand_in(loader, get_plugins=tuple)


@contextmanager
def _left_out(module: str, *names: str) -> Iterator[None]:
    """For the import of a package whose head wants ``names`` of a ``module`` that nothing else needs. The
    module can be imported as ever afterwards; in the package's head the names stay None."""
    if module in sys.modules:
        yield
        return
    _stand_in(module, **dict.fromkeys(names))
    try:
        yield
    finally:
        del sys.modules[module]


def _stand_in(module: str, **names: Any) -> ModuleType:
    stand_in = sys.modules[module] = ModuleType(module)
    vars(stand_in).update(names)
    return stand_in


def _load_when_used(module: str) -> None:
    """Let importing it cost nothing until something of it is used. (importlib's ``LazyLoader`` loads on
    Python 3.11 as soon as somebody else imports the module.)"""
    if module in sys.modules:
        return

    def load(name: str) -> Any:
        if name.startswith("__"):  # asked by the import system itself
            raise AttributeError(name)
        if sys.modules.get(module) is stand_in:
            del sys.modules[module]
        return getattr(import_module(module), name)

    stand_in = _stand_in(module, __getattr__=load)
    package, _, last = module.rpartition(".")
    setattr(import_module(package), last, stand_in)


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
