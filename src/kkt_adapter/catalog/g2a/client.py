"""The vendor's export API as a `ProductSource`: one call, one request (and one renewal of a token)."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import datetime
from urllib.parse import quote

from kkt_adapter.catalog.g2a.auth import VendorSignIn
from kkt_adapter.catalog.g2a.wire import parse_page
from kkt_adapter.catalog.model import PriceWindow, ProductPage
from kkt_adapter.catalog.run_log.redaction import one_line
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import (
    CatalogError,
    PageBeyondCeiling,
    SourceAuthFailed,
    SourceMalformed,
    SourceRefused,
    SourceThrottled,
    SourceUnavailable,
)
from kkt_adapter.runtime.http import HttpAnswer, HttpClient, HttpFault, HttpFaultKind, asked_wait_s

PARSE_IN_THREAD_BYTES = 512 * 1024  # about 25 ms of parsing; an ordinary page has 40 kB
MAX_ANSWER_BYTES = 16 * 1024 * 1024

PASSING = frozenset({408, 421, 425})  # they say themselves that another try may go well

SETTING_TO_CHECK = {
    "AUTH01": ("no sign-in arrived: check G2A_AUTH", "вход не дошёл: проверьте G2A_AUTH"),
    "AUTH02": (
        "credentials refused: check G2A_CLIENT_ID, G2A_CLIENT_SECRET and G2A_EMAIL",
        "данные входа отвергнуты: проверьте G2A_CLIENT_ID, G2A_CLIENT_SECRET и G2A_EMAIL",
    ),
    "AUTH03": (
        "this address is not on the allow-list of the account G2A_CLIENT_ID",
        "этот адрес не в списке разрешённых (allow-list) учётной записи G2A_CLIENT_ID",
    ),
    "AUTH04": (
        "the key G2A_CLIENT_ID lacks the privilege for the product list",
        "у ключа G2A_CLIENT_ID нет права (privilege) на список товаров",
    ),
}


class G2ASource:
    """Implements `ProductSource` over one HTTP client with kept connections."""

    def __init__(
        self,
        http: HttpClient,
        sign_in: VendorSignIn,
        *,
        clock: Clock,
        another: Callable[[], Awaitable[None]],
        parsing: Callable[[], AbstractAsyncContextManager[None]] = nullcontext,
        include_out_of_stock: bool = True,
    ) -> None:
        """``another`` is awaited before each request of a call but its first, so that a budget knows of it;
        ``parsing`` is entered around each parse, to take turns with other work."""
        self._http = http
        self._sign_in = sign_in
        self._clock = clock
        self._another = another
        self._parsing = parsing
        self._stock = "&includeOutOfStock=true" if include_out_of_stock else ""

    async def page(self, number: int, *, window: PriceWindow | None = None) -> ProductPage:
        path = f"/v1/products?page={number}{self._stock}"
        if window is not None and window.low is not None:
            path += f"&minPriceFrom={euro(window.low)}"
        if window is not None and window.high is not None:
            path += f"&minPriceTo={euro(window.high)}"
        return await self._parse(await self._get(path), number=number, window=window)

    async def product(self, product_id: str) -> ProductPage:
        path = f"/v1/products?page=1&id={quote(product_id, safe='')}{self._stock}"
        return await self._parse(await self._get(path), number=1, window=None)

    async def close(self) -> None:
        await self._http.close()
        await self._sign_in.close()

    async def _get(self, path: str) -> HttpAnswer:
        header = await self._sign_in.header()
        answer = await self._send(path, header)
        if _token_refused(answer) and await self._sign_in.renew(header):
            renewed = await self._sign_in.header()
            await self._another()
            answer = await self._send(path, renewed)
        if answer.status != 200:
            raise refusal(answer, now=self._clock.now())
        return answer

    async def _send(self, path: str, header: str) -> HttpAnswer:
        try:
            return await self._http.get(path, headers={"Authorization": header, "Accept": "application/json"})
        except HttpFault as fault:
            raise _no_answer(fault) from None

    async def _parse(self, answer: HttpAnswer, *, number: int, window: PriceWindow | None) -> ProductPage:
        async with self._parsing():
            if len(answer.body) < PARSE_IN_THREAD_BYTES:
                return parse_page(answer.body, number=number, window=window)
            return await asyncio.to_thread(parse_page, answer.body, number=number, window=window)


def refusal(answer: HttpAnswer, *, now: datetime) -> CatalogError:
    """What an answer other than 200 means: the vendor's code first, the status second.

    Only the vendor's own words are final. A page of HTML, a redirection, an empty answer come from something
    on the way; they pass, and the page is asked for again.
    """
    code, said, spoken = _code_and_message(answer.body)
    known = SETTING_TO_CHECK.get(code)
    if known is not None:
        return _auth_failed(*known, code=code)
    wait_s = retry_after_s(answer.headers, now=now)
    if code == "BR03" or answer.status == 429 or (answer.status == 503 and wait_s is not None):
        return SourceThrottled(
            "The source asks for fewer requests.", "Источник просит реже обращаться.", retry_after_s=wait_s
        )
    if code == "PR02":
        return PageBeyondCeiling("The source serves no page that high.", "Такой страницы источник не отдаёт.")
    if answer.status >= 500 or code in ("API00", "ERR99"):
        return SourceUnavailable(
            f"The source answers {answer.status}.",
            f"Источник отвечает {answer.status}.",
            error_code=f"http_{answer.status}",
        )
    if not spoken or answer.status < 400 or answer.status in PASSING:
        return SourceMalformed(
            f"Not the source, but something on the way answers {answer.status}. If it stays: check "
            "G2A_BASE_URL, and whether the network lets us through.",
            f"Ответ {answer.status} не от источника, а от чего-то по пути. Если не пройдёт: проверьте "
            "G2A_BASE_URL и доступ в сети.",
            error_code=f"http_{answer.status}",
        )
    if answer.status in (401, 403):
        return _auth_failed(*SETTING_TO_CHECK["AUTH02"], code=f"http_{answer.status}")
    label = code or f"http_{answer.status}"
    return SourceRefused(
        f"The source refuses the request ({label}): {said or 'no reason given'}. Check G2A_BASE_URL.",
        f"Источник отвергает запрос ({label}): {said or 'без объяснения'}. Проверьте G2A_BASE_URL.",
    )


def retry_after_s(headers: Mapping[str, str], *, now: datetime) -> float | None:
    """``Retry-After``, as seconds or an HTTP date, else ``X-RateLimit-Reset``; None when absent or wrong."""
    if headers.get("Retry-After", "").strip():
        return asked_wait_s(headers, now=now)
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if not (reset.isascii() and reset.isdecimal()):
        return None
    seconds = float(reset[:12])
    return max(0.0, seconds - now.timestamp()) if seconds > 10**9 else seconds  # a moment, or a delay


def euro(cents: int) -> str:
    """499 -> ``4.99``."""
    return f"{cents // 100}.{cents % 100:02d}"


def _token_refused(answer: HttpAnswer) -> bool:
    if answer.status == 200:
        return False
    code, _, _ = _code_and_message(answer.body)
    return code == "AUTH02" or (answer.status == 401 and code not in SETTING_TO_CHECK)


def _code_and_message(body: bytes) -> tuple[str, str, bool]:
    """The vendor's code and message, and whether the body is an object as the vendor writes them."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return "", "", False
    if not isinstance(value, dict):
        return "", "", False
    message = one_line(str(value.get("message") or ""), limit=200)
    return str(value.get("code") or "").upper()[:20], message, True


def _auth_failed(en: str, ru: str, *, code: str) -> SourceAuthFailed:
    return SourceAuthFailed(f"The source: {en} ({code}).", f"Источник: {ru} ({code}).")


def _no_answer(fault: HttpFault) -> SourceUnavailable:
    if fault.kind in (HttpFaultKind.TOO_LARGE, HttpFaultKind.BAD_HTTP, HttpFaultKind.CLOSED):
        return SourceMalformed(
            f"The source's answer is broken ({fault.kind}).",
            f"Ответ источника повреждён ({fault.kind}).",
            error_code=fault.kind.value,
        )
    if fault.kind is HttpFaultKind.TIMEOUT:
        return SourceUnavailable(
            "Connection timeout to G2A API", "Источник не ответил вовремя.", error_code=fault.kind.value
        )
    return SourceUnavailable(
        f"No connection to the source ({fault.kind}).",
        f"Нет соединения с источником ({fault.kind}).",
        error_code=fault.kind.value,
    )
