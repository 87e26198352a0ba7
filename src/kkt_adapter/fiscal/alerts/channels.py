"""The ways to reach people: a signed webhook, and a Telegram bot.

Telegram: https://core.telegram.org/bots/api#sendmessage (method, fields, and ``parameters.retry_after`` with
429, from general knowledge of that interface; tried against a stand-in only).
"""

import json

from kkt_adapter.fiscal.alerts.notifier import Channel, NotSent
from kkt_adapter.fiscal.alerts.rows import Notice
from kkt_adapter.fiscal.heartbeat.credentials import ID, SIGNATURE, TIMESTAMP, signature
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.errors import Text
from kkt_adapter.kernel.timefmt import iso
from kkt_adapter.runtime.http import HttpAnswer, HttpClient, HttpFault

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
MAX_RETRY_AFTER_S = 300.0
TELEGRAM_URL = "https://api.telegram.org"
NEVER = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})  # trying again changes nothing


class Webhook:
    """POST of JSON; any 2xx is success. With a secret it is signed in the Standard Webhooks form."""

    name = "webhook"

    def __init__(
        self, url: str, *, source: str, clock: Clock, secret: str | None = None, proxy: str | None = None
    ) -> None:
        """``source`` names this adapter to the receiver."""
        base, path = _split(url)
        self._client = _client(base, proxy)
        self._path = path
        self._source = source
        self._secret = secret
        self._clock = clock

    async def send(self, notice: Notice, *, action: Text | None) -> None:
        body = json.dumps(_json(notice, action, source=self._source), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json"}
        if self._secret is not None:
            event = f"alert-{notice.id}-{'started' if notice.ended_at is None else 'ended'}"
            at = int(self._clock.now().timestamp())
            headers |= {
                ID: event,  # the same for every repetition
                TIMESTAMP: str(at),
                SIGNATURE: signature(self._secret, event, at, body),
            }
        _check(await _post(self._client, self._path, body, headers))

    async def close(self) -> None:
        await self._client.close()


class Telegram:
    """A bot that writes into one chat, in Russian."""

    name = "telegram"

    def __init__(
        self, *, token: str, chat: str, source: str, url: str = TELEGRAM_URL, proxy: str | None = None
    ) -> None:
        self._client = _client(url, proxy)
        self._path = f"/bot{token}/sendMessage"  # never logged
        self._chat = chat
        self._source = source

    async def send(self, notice: Notice, *, action: Text | None) -> None:
        text = telegram_text(notice, action, source=self._source)
        body = json.dumps({"chat_id": self._chat, "text": text}, ensure_ascii=False).encode()
        answer = await _post(self._client, self._path, body, {"Content-Type": "application/json"})
        if answer.status == 429:
            raise NotSent("HTTP 429", retry_after_s=_telegram_wait_s(answer))
        _check(answer)

    async def close(self) -> None:
        await self._client.close()


def telegram_text(notice: Notice, action: Text | None, *, source: str) -> str:
    """Plain text, so that nothing in a message is taken for markup."""
    about = f" ({notice.subject})" if notice.subject else ""
    if notice.ended_at is not None:
        minutes = round((notice.ended_at - notice.started_at).total_seconds() / 60)
        return f"✅ {source}: {notice.code}{about} закончилось через {minutes} мин.\n{notice.message.ru}"
    lines = [f"{notice.level} {source}: {notice.code}{about}", notice.message.ru]
    if action is not None:
        lines.append(f"Что делать: {action.ru}")
    return "\n".join(lines)


def _json(notice: Notice, action: Text | None, *, source: str) -> dict[str, str | int | None]:
    return {
        "event": "alert_started" if notice.ended_at is None else "alert_ended",
        "id": notice.id,
        "source": source,
        "code": notice.code,
        "level": notice.level,
        "subject": notice.subject,
        "message": notice.message.en,
        "message_ru": notice.message.ru,
        "action": None if action is None else action.en,
        "action_ru": None if action is None else action.ru,
        "started_at": iso(notice.started_at),
        "ended_at": iso(notice.ended_at),
    }


def channels(
    *,
    source: str,
    clock: Clock,
    url: str,
    secret: str,
    telegram_token: str,
    telegram_chat: str,
    telegram_url: str,
    proxy: str,
) -> list[Channel]:
    """Those that are configured; empty texts mean "none"."""
    made: list[Channel] = []
    if url:
        made.append(Webhook(url, source=source, clock=clock, secret=secret or None, proxy=proxy or None))
    if telegram_token:
        made.append(
            Telegram(
                token=telegram_token,
                chat=telegram_chat,
                source=source,
                url=telegram_url,
                proxy=proxy or None,
            )
        )
    return made


def _client(base: str, proxy: str | None) -> HttpClient:
    return HttpClient(
        base, timeout_s=TIMEOUT_S, max_connections=2, max_answer_bytes=MAX_ANSWER_BYTES, proxy=proxy
    )


def _split(url: str) -> tuple[str, str]:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", f"{slash}{path}" or "/"


async def _post(client: HttpClient, path: str, body: bytes, headers: dict[str, str]) -> HttpAnswer:
    try:
        return await client.post(path, body, headers=headers)
    except HttpFault as fault:
        raise NotSent(fault.kind.value) from None  # its text may hold the address, and that a token


def _check(answer: HttpAnswer) -> None:
    if not 200 <= answer.status < 300:
        raise NotSent(f"HTTP {answer.status}", retry=answer.status not in NEVER)


def _telegram_wait_s(answer: HttpAnswer) -> float | None:
    try:
        asked = json.loads(answer.body)["parameters"]["retry_after"]
    except (ValueError, KeyError, TypeError):
        return None
    return min(float(asked), MAX_RETRY_AFTER_S) if isinstance(asked, int) and asked > 0 else None
