"""Commands and the running service: where it is, and its errors as a line for people.

The calls are those of ``kkt_adapter.client``. Exit codes: 1 when the service refused, 2 when there is no
service to talk to. Nothing is repeated by itself: after a lost answer the person decides.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from kkt_adapter.cli.screen import complain, plain
from kkt_adapter.cli.texts import say, speaks_russian

if TYPE_CHECKING:
    from kkt_adapter.client import Client, NoAnswer

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", "8000"
ANSWER_WITHIN_S = 60.0  # longer than the longest request: a manual sync takes up to 25 s, a Z report 30 s
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


def pages(fetch: Callable[[int, str | None], Any], *, limit: int) -> dict[str, Any]:
    """``{"items", "next_cursor"}`` over as many pages as ``limit`` needs; ``fetch`` takes a limit and a
    cursor. Raises what it raises."""
    items: list[Any] = []
    cursor: str | None = None
    while True:
        page = fetch(min(limit - len(items), PAGE_LIMIT), cursor)
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None or len(items) >= limit:
            return {"items": items, "next_cursor": cursor}


@contextmanager
def open_service(url: str | None, token: str | None, *, no_service: int = NO_SERVICE) -> "Iterator[Client]":
    """A client for the length of a command; ends the command with a line for people when a call fails.
    ``no_service``: the exit code when there is no service to talk to.

    Raises:
        typer.Exit: after the line was shown.
        typer.BadParameter: the address is not one.
    """
    from kkt_adapter.client import NO_RETRY, ApiError, Client, NoAnswer, NotTheService

    address = service_url(url)
    language = "ru" if speaks_russian() else "en"
    client = Client(address, token=token, language=language, timeout_s=ANSWER_WITHIN_S, retry=NO_RETRY)
    with client:
        try:
            yield client
        except ApiError as error:
            complain("\n".join(problem_lines(error.problem, status=error.status, has_token=bool(token))))
            raise typer.Exit(REFUSED) from error
        except NoAnswer as error:
            complain(_why(error, address))
            raise typer.Exit(no_service) from error
        except NotTheService as error:
            complain(
                say(
                    f"What answers at {address} is not kkt-adapter. Name the right address with --url.",
                    f"По адресу {address} отвечает не kkt-adapter. Укажите верный адрес ключом --url.",
                )
            )
            raise typer.Exit(no_service) from error


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


def _why(fault: "NoAnswer", url: str) -> str:
    if not fault.sent:
        return say(
            f"The service is not running at {url}. Start it with: kkt-adapter serve",
            f"Служба не работает по адресу {url}. Запустите её: kkt-adapter serve",
        )
    if fault.timed_out:
        return say(
            f"No answer from {url} within {ANSWER_WITHIN_S:.0f} s; what was asked for may still be done.",
            f"Нет ответа от {url} за {ANSWER_WITHIN_S:.0f} с; запрошенное ещё может быть выполнено.",
        )
    return say(
        f"No usable answer from {url}: {plain(fault.detail)}",
        f"Нет пригодного ответа от {url}: {plain(fault.detail)}",
    )
