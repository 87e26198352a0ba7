"""Sending calls over httpx2: the asynchronous face and the plain one, with the same rules of repetition."""

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx2

from kkt_adapter.client.calls import Call, Retry, may_repeat, wait_s
from kkt_adapter.client.errors import ClientError, NoAnswer

T = TypeVar("T")

ANSWER_WITHIN_S = 60.0  # longer than the longest request: a manual sync takes up to 25 s, a Z report 30 s


class _Attempts:
    """One call on its way: its key, and what to do after each failure."""

    def __init__(self, call: Call[Any], retry: Retry) -> None:
        self.key = call.with_key()
        self._call = call
        self._retry = retry
        self._made = 0
        self._until = time.monotonic() + retry.patience_s

    def request(self, http: httpx2.AsyncClient | httpx2.Client) -> httpx2.Request:
        headers = {"Accept": self._call.accept}
        content = self._call.content()
        if content is not None:
            headers["Content-Type"] = "application/json"
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        path, params = self._call.path, self._call.params()
        return http.build_request(
            self._call.method, path, params=params or None, content=content, headers=headers
        )

    def wait_after(self, failure: ClientError) -> float:
        """Seconds until the next attempt. Raises the failure when there is none."""
        self._made += 1
        failure.idempotency_key = self.key
        pause_s = wait_s(self._retry, self._made, failure)
        late = time.monotonic() + pause_s > self._until
        if self._made >= self._retry.attempts or late or not may_repeat(self._call, failure):
            raise failure
        return pause_s

    def read(self, answer: httpx2.Response) -> Any:
        return self._call.read(answer.status_code, answer.headers.get("Content-Type", ""), answer.content)


class AsyncConnection:
    """Sends calls to one service. Close it, or use it as ``async with``."""

    def __init__(self, http: httpx2.AsyncClient, retry: Retry) -> None:
        self._http = http
        self._retry = retry

    async def send(self, call: Call[T]) -> T:
        """The answer. Raises ApiError, NoAnswer, NotTheService, after the attempts that make sense."""
        attempts = _Attempts(call, self._retry)
        while True:
            try:
                answer = await self._http.send(attempts.request(self._http))
                return cast(T, attempts.read(answer))
            except (ClientError, httpx2.TransportError, httpx2.DecodingError) as error:
                pause_s = attempts.wait_after(_failure(error))
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Connection:
    """The same for programs without an event loop."""

    def __init__(self, http: httpx2.Client, retry: Retry) -> None:
        self._http = http
        self._retry = retry

    def send(self, call: Call[T]) -> T:
        """As ``AsyncConnection.send``."""
        attempts = _Attempts(call, self._retry)
        while True:
            try:
                answer = self._http.send(attempts.request(self._http))
                return cast(T, attempts.read(answer))
            except (ClientError, httpx2.TransportError, httpx2.DecodingError) as error:
                pause_s = attempts.wait_after(_failure(error))
            time.sleep(pause_s)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def options(base_url: str, token: str | None, language: str, timeout_s: float) -> Mapping[str, Any]:
    """How both faces reach the service: by no proxy, because a till calls its own machine or network."""
    headers = {"Accept-Language": language, "User-Agent": "kkt-adapter-client"}
    if token and token.strip():
        headers["Authorization"] = f"Bearer {token.strip()}"
    return {"base_url": base_url, "headers": headers, "timeout": timeout_s, "trust_env": False}


def _failure(error: Exception) -> ClientError:
    if isinstance(error, ClientError):
        return error
    detail = str(error) or type(error).__name__
    return NoAnswer(
        detail,
        sent=not isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)),
        timed_out=isinstance(error, httpx2.TimeoutException),
    )
