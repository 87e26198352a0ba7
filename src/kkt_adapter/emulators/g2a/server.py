"""A stand-in for the vendor's export API: `GET /v1/products`, `POST /oauth/token`, and a back door.

The back door under `/_emulator` tells the truth (what a perfect sync would hold), counts requests, sets
faults and lets a day pass. Bind it to this machine only: it has no protection of its own.
"""

import asyncio
import hashlib
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from email.utils import format_datetime

from aiohttp import web

from kkt_adapter.emulators.g2a.catalogue import Catalogue, Item, document
from kkt_adapter.emulators.g2a.counters import RequestCounters
from kkt_adapter.emulators.g2a.faults import Faults
from kkt_adapter.emulators.listening import HttpListener

PAGE_SIZE = 20
HANG_S = 3_600.0
EARLY_TOLERANCE_S = 0.1  # a request on its way when the 429 was sent is not early


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorCredentials:
    """Made-up; the real vendor's are never stored in a repository."""

    client_id: str = "demo-client"
    client_secret: str = "demo-secret-of-the-emulator"  # noqa: S105 - opens nothing but this stand-in
    email: str = "shop@example.com"

    @property
    def pair_header(self) -> str:
        key = hashlib.sha256((self.client_id + self.email + self.client_secret).encode()).hexdigest()
        return f"{self.client_id}, {key}"


class G2AEmulator:
    """One stand-in; ``start`` listens, ``stop`` closes, both on the same event loop."""

    def __init__(
        self,
        products: int = 100,
        *,
        seed: int = 1,
        faults: Faults | None = None,
        credentials: VendorCredentials | None = None,
        keep_texts: bool = False,
    ) -> None:
        """``keep_texts``: write the JSON of a product once (2 kB each) instead of for every request."""
        self.catalogue = Catalogue(products, seed=seed)
        self.faults = faults or Faults()
        self.credentials = credentials or VendorCredentials()
        self.counters = RequestCounters()
        self._refused: set[int] = set()
        self.base_url = ""
        self._paused_until = 0.0
        self._paused_from = 0.0
        self._tokens: dict[str, tuple[float, int]] = {}  # token -> end of life, requests left
        self._lists: dict[tuple[object, ...], list[Item]] = {}
        self._lists_version = -1
        self._texts: dict[Item, str] | None = {} if keep_texts else None
        self._listener: HttpListener | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen and return the base address; port 0 takes a free one."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/v1/products", self._products),
                web.post("/oauth/token", self._token),
                web.get("/_emulator/truth", self._truth),
                web.get("/_emulator/counters", self._show_counters),
                web.post("/_emulator/reset", self._reset),
                web.post("/_emulator/faults", self._set_faults),
                web.post("/_emulator/advance", self._advance),
            ]
        )
        self._listener = HttpListener(host=host, port=port)
        await self._listener.listen(app)
        self.base_url = f"http://{host}:{self._listener.port}"
        return self.base_url

    async def stop(self) -> None:
        if self._listener is not None:
            await self._listener.cut()
            self._listener = None

    def truth(self) -> list[dict[str, object]]:
        """What a perfect sync would hold: id, price in cents, stock; broken entries are left out."""
        return [
            {"id": item.id, "min_price": item.cents, "qty": item.qty, "available": item.available}
            for item in self.catalogue.items
            if not item.broken
        ]

    # product requests

    async def _products(self, request: web.Request) -> web.StreamResponse:
        count = self.counters
        count.requests += 1
        number = count.requests
        now = time.monotonic()
        count.arrivals.append(now)
        if self._paused_from + EARLY_TOLERANCE_S < now < self._paused_until:
            count.early += 1
        count.in_flight += 1
        count.peak_in_flight = max(count.peak_in_flight, count.in_flight)
        try:
            if number in self.faults.move_at:
                self._move()
            if self.faults.latency_s:
                await asyncio.sleep(self.faults.latency_s)
            return await self._answer(request, number)
        finally:
            count.in_flight -= 1

    async def _answer(self, request: web.Request, number: int) -> web.StreamResponse:
        faults = self.faults
        if faults.die_after and number >= faults.die_after:
            return self._drop(request)
        refusal = self._refuse_credentials(request)
        if refusal is not None:
            return refusal
        if faults.every_429 and number % faults.every_429 == 0:
            return self._throttle()
        query = request.query
        try:
            page = int(query.get("page", "1"))
            low, high = _decimal(query.get("minPriceFrom")), _decimal(query.get("minPriceTo"))
        except (ValueError, InvalidOperation):
            return self._error(400, "BR08", "Bad GET parameters")
        refused_once = page in faults.refuse_once and page not in self._refused
        self._refused.add(page)
        if page < 1 or refused_once or (faults.ceiling and page > faults.ceiling):
            return self._error(400, "PR02", "Bad page")
        scope = "" if low is None and high is None else f"{low}-{high}"
        kind = faults.fail_pages.get(page, "") if faults.fail_windows or not scope else ""
        if not kind and faults.every_error and number % faults.every_error == 0:
            kind = faults.kinds[(number // faults.every_error) % len(faults.kinds)]
        product_id = query.get("id")
        if product_id is not None:
            self.counters.lookups += 1
        wanted = None if faults.ignore_id_filter else product_id
        items = self._list(low, high, query.get("includeOutOfStock") == "true", wanted)
        items = items + items[: faults.twice]
        total = len(items) if faults.total is None else faults.total
        total = total if faults.most_total is None else min(total, faults.most_total)
        docs = items[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
        body = f'{{"total":{total},"page":{page},"docs":[{",".join(map(self._text, docs))}]}}'
        if kind:
            return await self._broken(request, kind, body.encode())
        self.counters.answers["200"] += 1
        self.counters.pages[f"{scope}/{page}" if product_id is None else f"id/{product_id}"] += 1
        return web.Response(body=body.encode(), content_type="application/json")

    def _text(self, item: Item) -> str:
        if self._texts is None:
            return document(item)
        text = self._texts.get(item)
        if text is None:
            if len(self._texts) > 2 * len(self.catalogue.items):  # most are of days gone by
                self._texts.clear()
            text = self._texts[item] = document(item)
        return text

    def _list(
        self, low: Decimal | None, high: Decimal | None, out_of_stock: bool, product_id: str | None
    ) -> list[Item]:
        if product_id is not None:
            return [item for item in self.catalogue.items if item.id == product_id]
        key = (low, high, out_of_stock, self.faults.inclusive_windows, self.faults.serve_first)
        if self._lists_version != self.catalogue.version:
            self._lists.clear()
            self._lists_version = self.catalogue.version
        if key not in self._lists:
            self._lists[key] = [
                item
                for item in self.catalogue.items[: self.faults.serve_first]
                if (out_of_stock or item.qty > 0) and self._in_window(item, low, high)
            ]
        return self._lists[key]

    def _in_window(self, item: Item, low: Decimal | None, high: Decimal | None) -> bool:
        price = Decimal(item.cents or 0) / 100
        if self.faults.inclusive_windows:
            return (low is None or price >= low) and (high is None or price <= high)
        return (low is None or price > low) and (high is None or price < high)

    async def _broken(self, request: web.Request, kind: str, body: bytes) -> web.StreamResponse:
        self.counters.answers[kind] += 1
        match kind:
            case "drop":
                return self._drop(request)
            case "cut":
                return web.Response(body=body[: len(body) // 2], content_type="application/json")
            case "short":
                response = web.StreamResponse(headers={"Content-Length": str(len(body))})
                await response.prepare(request)
                await response.write(body[: len(body) // 2])
                return self._drop(request)
            case "html":
                return web.Response(
                    text="<html><body>One moment, please</body></html>", content_type="text/html"
                )
            case "no_docs":
                return web.json_response({"total": 1, "page": 1})
            case "busy":
                return self._busy()
            case "odd_408" | "odd_204" | "odd_301" | "odd_403":
                return web.Response(
                    status=int(kind[-3:]),
                    text=None if kind == "odd_204" else "<html><body>Who are you?</body></html>",
                    content_type="text/html",
                    headers={"Location": "https://elsewhere.example/"} if kind == "odd_301" else None,
                )
            case "hang":
                await asyncio.sleep(HANG_S)
                return self._drop(request)
            case _:
                status = int(kind.removeprefix("http_"))
                return web.json_response(
                    {"status": "ERROR", "message": "Unexpected", "code": "ERR99"}, status=status
                )

    def _drop(self, request: web.Request) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _throttle(self) -> web.Response:
        faults, now = self.faults, time.monotonic()
        self.counters.answers["429"] += 1
        response = self._error(429, "BR03", "Too many requests")
        if faults.retry_after_s is not None:
            if faults.retry_after_date:
                until = datetime.now(UTC) + timedelta(seconds=faults.retry_after_s)
                response.headers["Retry-After"] = format_datetime(until, usegmt=True)
            else:
                response.headers["Retry-After"] = f"{faults.retry_after_s:g}"
                if now >= self._paused_until:
                    self._paused_from = now
                self._paused_until = max(self._paused_until, now + faults.retry_after_s)
        return response

    def _busy(self) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": f"{self.faults.retry_after_s or 1:g}"})

    def _move(self) -> None:
        catalogue = self.catalogue
        match self.faults.move:
            case "remove":
                catalogue.remove([0])
            case "insert":
                catalogue.insert(1, first=True)
            case "swap":
                catalogue.remove([0])
                catalogue.insert(1)
            case _:
                items = list(catalogue.items)
                random.Random(catalogue.version).shuffle(items)
                catalogue.replace_all(items)

    # sign-in

    def _refuse_credentials(self, request: web.Request) -> web.Response | None:
        if self.faults.auth_code:
            return self._error(401, self.faults.auth_code, "Refused")
        header = request.headers.get("Authorization", "")
        if not header:
            return self._error(403, "AUTH01", "No Authorization header")
        if not header.startswith("Bearer "):
            if header == self.credentials.pair_header:
                return None
            return self._error(401, "AUTH02", "Wrong Authorization header")
        token = header.removeprefix("Bearer ")
        ends, left = self._tokens.get(token, (0.0, 0))
        if time.monotonic() >= ends or left <= 0:
            return self._error(401, "AUTH02", "Token expired")
        self._tokens[token] = (ends, left - 1)
        return None

    async def _token(self, request: web.Request) -> web.StreamResponse:
        self.counters.arrivals.append(time.monotonic())
        self.counters.token_requests += 1
        asked = self.counters.token_requests
        if asked <= len(self.faults.token_kinds):
            return await self._broken(request, self.faults.token_kinds[asked - 1], b"{}")
        form = await request.post()
        given = (form.get("grant_type"), form.get("client_id"), form.get("client_secret"))
        if given != ("client_credentials", self.credentials.client_id, self.credentials.client_secret):
            return web.json_response({"error": "invalid_client"}, status=401)
        self.counters.tokens += 1
        token = f"token-{self.counters.tokens}-{random.Random(self.counters.tokens).getrandbits(64):x}"
        requests = self.faults.token_requests or 1_000_000_000
        self._tokens[token] = (time.monotonic() + self.faults.token_lifetime_s, requests)
        return web.json_response(
            {"access_token": token, "token_type": "bearer", "expires_in": int(self.faults.token_lifetime_s)}
        )

    # back door

    async def _truth(self, _: web.Request) -> web.Response:
        return web.json_response(self.truth())

    async def _show_counters(self, _: web.Request) -> web.Response:
        count = self.counters
        return web.json_response(
            {
                "requests": count.requests,
                "answers": dict(count.answers),
                "pages": dict(count.pages),
                "lookups": count.lookups,
                "tokens": count.tokens,
                "early": count.early,
                "peak_in_flight": count.peak_in_flight,
                "most_in_a_minute": count.most_in_a_minute(),
            }
        )

    async def _reset(self, _: web.Request) -> web.Response:
        self.counters = RequestCounters(in_flight=self.counters.in_flight)
        return web.json_response({})

    async def _set_faults(self, request: web.Request) -> web.Response:
        try:
            self.faults = self.faults.with_changes(await request.json())
        except (ValueError, TypeError, AttributeError) as error:
            return web.json_response({"message": str(error)}, status=422)
        return web.json_response({})

    async def _advance(self, request: web.Request) -> web.Response:
        shares = await request.json() if request.can_read_body else {}
        expected = self.catalogue.advance(**{name: float(share) for name, share in shares.items()})
        return web.json_response(
            {
                "gone": sorted(expected.gone),
                "new": sorted(expected.new),
                "repriced": sorted(expected.repriced),
                "sold_out": sorted(expected.sold_out),
            }
        )

    @staticmethod
    def _error(status: int, code: str, message: str) -> web.Response:
        return web.json_response({"status": "ERROR", "message": message, "code": code}, status=status)


async def serve_g2a(
    host: str,
    port: int,
    products: int,
    latency_s: float,
    stop: asyncio.Event,
    *,
    seed: int = 1,
    emulator: G2AEmulator | None = None,
) -> None:
    """Run a stand-in until ``stop`` is set; cancelling stops it too."""
    chosen = emulator or G2AEmulator(products, seed=seed, faults=Faults(latency_s=latency_s))
    await chosen.start(host, port)
    try:
        await stop.wait()
    finally:
        await chosen.stop()


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
