"""What a door answers whose own code cannot be had in time: its form, put together without that code.

Loading takes half a second; these answers are for a machine on which it takes too long, or fails. No request
has been looked at, so nothing was stored.
"""

from datetime import datetime
from typing import Final

from kkt_adapter.api.doors.atol.paths import V5, AtolCall, asked
from kkt_adapter.api.doors.door import DoorAnswer
from kkt_adapter.kernel import jsontext
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.ids import random_id

_SERVER: Final = 50  # as ``atol/errors.py`` has it: clients repeat
_ATOL: Final = (
    "Эта часть адаптера ещё загружается. Чек не принят, повторите запрос с тем же external_id через "
    "несколько секунд."
)
_EXECUTE: Final = (
    "Эта часть адаптера ещё загружается: ничего не напечатано, повторите через несколько секунд. "
    "(This part of the adapter is still being loaded: nothing was printed, repeat in a few seconds.) "
    "[not_loaded]"
)
_NO_STORE: Final = (b"cache-control", b"no-store, no-cache, must-revalidate")


def of_atol(path: str, *, clock: Clock) -> DoorAnswer:
    """500 with the members that clients read. A report says ``wait``: whoever reads ``fail`` sells anew."""
    now: datetime = clock.now().astimezone()
    error = {"error_id": random_id(), "code": _SERVER, "text": _ATOL, "type": "system"}
    answer = {"error": error, "timestamp": f"{now:%d.%m.%Y %H:%M:%S}"}
    wanted = asked(path)
    if wanted is not None and wanted.call is AtolCall.SIGN_IN:
        told = {"status": "fail"} if wanted.version == V5 else {"token": "", "code": 2, "text": _ATOL}
        return DoorAnswer(status=500, body=jsontext.ascii_only(answer | told))
    reports = wanted is not None and wanted.call is AtolCall.REPORT
    told = {"uuid": wanted.uuid, "status": "wait"} if wanted is not None and reports else {"status": "fail"}
    return DoorAnswer(status=500, body=jsontext.encode({"uuid": None} | answer | told).encode())


def of_execute(path: str) -> DoorAnswer:
    """200 with Status 2, as whatever was not done."""
    answer = {
        "Command": "",
        "Error": _EXECUTE,
        "Status": 2,
        "IdCommand": "",
        "Warning": "",
        "Message": "",
        "NumDevice": 0,
    }
    body = jsontext.encode(answer).encode()
    return DoorAnswer(status=200, body=body, more=(_NO_STORE,))
