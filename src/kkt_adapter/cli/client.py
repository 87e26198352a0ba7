"""A client of the running service, as the commands need it: one call after another, errors in one line.

Exit codes: 1 when the service refused, 2 when there is no service to talk to. A POST is never repeated by
itself: after a lost answer only a person knows whether it should be.
"""

import asyncio
import os
from collections.abc import Collection, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode, urlsplit

import typer

from kkt_adapter.cli.screen import complain, plain
from kkt_adapter.cli.texts import say, speaks_russian
from kkt_adapter.kernel import jsontext

if TYPE_CHECKING:
    from kkt_adapter.runtime.http import HttpAnswer, HttpClient, HttpFault

Query = Mapping[str, object]

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", "8000"
ANSWER_WITHIN_S = 60.0  # longer than the longest request: a manual sync takes up to 25 s, a Z report 30 s
MAX_ANSWER_BYTES = 16 * 1024 * 1024
PAGE_LIMIT = 500  # entries the service gives in one page at most
REFUSED, NO_SERVICE = 1, 2  # exit codes

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="KKT_URL",
        help="Address of the service; default from KKT_HOST and KKT_PORT, else http://127.0.0.1:8000.",
        show_default=False,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        envvar="KKT_TOKEN",
        help="Till token or access token; better in the variable, where other users cannot read it.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="The service's answer as JSON, for scripts.")]


class Refused(Exception):
    """The service answered with an error body (problem details)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("code", status)))
        self.status = status
        self.problem = problem


class NoService(Exception):
    """Nobody answers, or what answers is something else; the text says what to do."""


class Service:
    """Calls to one running service; made by `open_service`."""

    def __init__(self, client: "HttpClient", runner: asyncio.Runner, url: str) -> None:
        self._client = client
        self._runner = runner
        self.url = url

    def get(self, path: str, query: Query | None = None, *, also: Collection[int] = ()) -> Any:
        """JSON of a GET; parameters that are None are left out. ``also``: statuses that are no error here.

        Raises:
            Refused, NoService.
        """
        return self._json(self._exchange(self._client.get(_with_query(path, query or {}))), also=also)

    def get_text(self, path: str) -> str:
        """Plain text of a GET. Raises Refused, NoService."""
        headers = {"Accept": "text/plain"}
        return self._checked(self._exchange(self._client.get(path, headers=headers))).body.decode()

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Query | None = None,
        key: str | None = None,
    ) -> Any:
        """JSON of a POST with a JSON body; ``key`` is the Idempotency-Key.

        Raises:
            Refused: the service did nothing.
            NoService: no answer; it may have done it all the same.
        """
        content = b"" if body is None else jsontext.encode(dict(body)).encode()
        headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        call = self._client.post(_with_query(path, query or {}), content, headers=headers)
        return self._json(self._exchange(call))

    def pages(self, path: str, query: Query | None = None, *, limit: int) -> dict[str, Any]:
        """``{"items", "next_cursor"}`` over as many pages as ``limit`` needs. Raises Refused, NoService."""
        items: list[Any] = []
        cursor: str | None = None
        while True:
            bounds = {"limit": min(limit - len(items), PAGE_LIMIT), "cursor": cursor}
            page = self.get(path, {**(query or {}), **bounds})
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None or len(items) >= limit:
                return {"items": items, "next_cursor": cursor}

    def _exchange(self, call: "Coroutine[Any, Any, HttpAnswer]") -> "HttpAnswer":
        from kkt_adapter.runtime.http import HttpFault

        try:
            return self._runner.run(call)
        except HttpFault as fault:
            raise NoService(_why(fault, self.url)) from fault

    def _json(self, answer: "HttpAnswer", *, also: Collection[int] = ()) -> Any:
        try:
            return jsontext.decode(self._checked(answer, also=also).body)
        except ValueError as error:
            raise self._somebody_else() from error

    def _checked(self, answer: "HttpAnswer", *, also: Collection[int] = ()) -> "HttpAnswer":
        is_problem = "problem+json" in answer.headers.get("Content-Type", "")
        if not is_problem and (200 <= answer.status < 300 or answer.status in also):
            return answer
        try:
            problem = jsontext.decode(answer.body) if is_problem else None
        except ValueError:
            problem = None
        if not isinstance(problem, dict):
            raise self._somebody_else()
        raise Refused(answer.status, problem)

    def _somebody_else(self) -> NoService:
        return NoService(
            say(
                f"What answers at {self.url} is not kkt-adapter. Name the right address with --url.",
                f"По адресу {self.url} отвечает не kkt-adapter. Укажите верный адрес ключом --url.",
            )
        )


@contextmanager
def open_service(url: str | None, token: str | None) -> Iterator[Service]:
    """A client for the length of a command; ends the command with a line for people when a call fails.

    Raises:
        typer.Exit: after the line was shown.
        typer.BadParameter: the address is not one.
    """
    from kkt_adapter.runtime.http import HttpClient

    address = service_url(url)
    headers = {"Accept": "application/json", "Accept-Language": "ru" if speaks_russian() else "en"}
    if token and token.strip():
        headers["Authorization"] = f"Bearer {token.strip()}"
    client = HttpClient(
        address, timeout_s=ANSWER_WITHIN_S, headers=headers, max_answer_bytes=MAX_ANSWER_BYTES
    )
    with asyncio.Runner() as runner:
        try:
            yield Service(client, runner, address)
        except Refused as error:
            complain("\n".join(problem_lines(error.problem, status=error.status, has_token=bool(token))))
            raise typer.Exit(REFUSED) from error
        except NoService as error:
            complain(str(error))
            raise typer.Exit(NO_SERVICE) from error
        finally:
            runner.run(client.close())


def service_url(url: str | None, environment: Mapping[str, str] | None = None) -> str:
    """What ``--url`` says, else KKT_HOST and KKT_PORT, else the default; raises typer.BadParameter."""
    if url is not None:
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise typer.BadParameter(
                f"{url!r} is not an address like http://127.0.0.1:8000", param_hint="--url"
            )
        return url.rstrip("/")
    found = os.environ if environment is None else environment
    host = found.get("KKT_HOST") or DEFAULT_HOST
    host = {"0.0.0.0": DEFAULT_HOST, "::": "::1"}.get(host, host)  # "all addresses" is nowhere to go
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    return f"http://{host}:{found.get('KKT_PORT') or DEFAULT_PORT}"


def problem_lines(problem: Mapping[str, Any], *, status: int, has_token: bool) -> list[str]:
    """An error body for people: what is wrong, then each bad field with its remedy."""
    detail = plain(problem.get("detail") or problem.get("title") or f"HTTP {status}")
    lines = [f"{detail} [{plain(problem.get('code', status))}]"]
    for finding in problem.get("errors", ()):
        remedy = plain(finding.get("remedy"))
        text = f"  {plain(finding.get('field'))}: {plain(finding.get('message'))}"
        lines.append(f"{text}. {remedy}" if remedy else text)
    if status == 401:
        lines.append(
            say("Give a token with --token or KKT_TOKEN.", "Укажите токен ключом --token или в KKT_TOKEN.")
            if not has_token
            else say("The token given does not hold.", "Указанный токен недействителен.")
        )
    if status >= 500 and problem.get("id"):
        lines.append(say(f"In the log: {problem['id']}", f"В журнале: {problem['id']}"))
    return lines


def _with_query(path: str, query: Query) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _why(fault: "HttpFault", url: str) -> str:
    from kkt_adapter.runtime.http import HttpFaultKind

    if fault.kind is HttpFaultKind.CONNECTION:
        return say(
            f"The service is not running at {url}. Start it with: kkt-adapter serve",
            f"Служба не работает по адресу {url}. Запустите её: kkt-adapter serve",
        )
    if fault.kind is HttpFaultKind.TIMEOUT:
        return say(
            f"No answer from {url} within {ANSWER_WITHIN_S:.0f} s; what was asked for may still be done.",
            f"Нет ответа от {url} за {ANSWER_WITHIN_S:.0f} с; запрошенное ещё может быть выполнено.",
        )
    return say(
        f"No usable answer from {url}: {plain(fault.detail)}",
        f"Нет пригодного ответа от {url}: {plain(fault.detail)}",
    )
