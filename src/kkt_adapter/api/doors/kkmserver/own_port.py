"""The port of KkmServer: ``/Execute`` alone, because its clients expect 5893 and nobody else should."""

from starlette.types import ASGIApp, Receive, Scope, Send

from kkt_adapter.api.doors.door import DoorAnswer, Doorway, send_answer
from kkt_adapter.api.entry.only_head import as_get
from kkt_adapter.api.problems import RefusedByStatus

_PAGE = (
    b"kkt-adapter: commands of KkmServer by POST /Execute, JSON, Basic authorization.\n"
    b"kkt-adapter: \xd0\xba\xd0\xbe\xd0\xbc\xd0\xb0\xd0\xbd\xd0\xb4\xd1\x8b KkmServer: POST /Execute.\n"
)


class OnlyExecute:
    """``app`` for the paths of ``way``, a page that says what this is, and nothing else."""

    def __init__(self, app: ASGIApp, way: Doorway) -> None:
        self._app = app
        self._way = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._way.serves(scope["path"]):
            await self._app(scope, receive, send)
        elif scope["path"] == "/" and scope["method"] in ("GET", "HEAD"):
            if scope["method"] == "HEAD":
                scope, send = as_get(scope, send)
            page = DoorAnswer(status=200, body=_PAGE, content_type=b"text/plain; charset=utf-8")
            await send_answer(send, page)
        else:
            missing = RefusedByStatus(
                "NOT_FOUND",
                "There is no such path here: send commands to POST /Execute.",
                "Здесь нет такого пути: команды передают на POST /Execute.",
            )
            answer = (await self._way.door.get()).refusal(missing, scope)
            await send_answer(send, DoorAnswer(status=404, body=answer.body))
