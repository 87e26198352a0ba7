"""``/`` for a browser: the links of the JSON answer, and a few more, to click on."""

from collections.abc import Iterator
from html import escape

from kkt_adapter.api.language import Language
from kkt_adapter.kernel.errors import Text

_STYLE = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:40rem;margin:0 auto;padding:1rem;"
    "color-scheme:light dark}"
)
_LINKS = (
    ("/docs", Text("interface reference", "описание интерфейса")),
    ("/v1/health", Text("health of every part", "состояние всех частей")),
    ("/v1/kkt/buffer/status", Text("buffer, delivery and alerts", "буфер, передача и тревоги")),
    ("/v1/kkt/status", Text("registers, their FNs and shifts", "ККТ, их ФН и смены")),
    ("/v1/kkt/receipts", Text("receipts, newest first", "чеки, сначала новые")),
    ("/v1/kkt/dlq", Text("receipts that could not be delivered", "чеки, которые не удалось передать")),
    ("/metrics", Text("metrics for Prometheus", "метрики для Prometheus")),
)


def root_page(version: str, language: Language) -> str:
    return "".join(_page(version, language))


def _page(version: str, language: Language) -> Iterator[str]:
    title = f"kkt-adapter {escape(version)}"
    yield f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style><h1>{title}</h1><ul>'
    for path, said in _LINKS:
        yield f'<li><a href="{path}">{path}</a> — {escape(said.ru if language == "ru" else said.en)}'
    yield "</ul></html>"
