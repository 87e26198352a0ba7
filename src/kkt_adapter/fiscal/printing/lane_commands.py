"""Commands that wait for a lane: reports, and whatever else must not run beside a print.

A command runs between two receipts, ahead of those that wait. When the lane cannot work, its commands hear
why at once; nobody waits for a register that stands still.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from kkt_adapter.fiscal.store.attempts import LaneTerm
from kkt_adapter.kernel.errors import AdapterError, Conflict, KktUnavailable

T = TypeVar("T")
Command = Callable[[LaneTerm], Awaitable[T]]

COMMAND_LIMIT = 32  # reports that may wait for the lane


class LaneCommands:
    """Not thread-safe: event loop only."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Command[Any], asyncio.Future[Any]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, command: Command[T]) -> asyncio.Future[T]:
        """The future of the command's result; cancelling it drops a command that has not begun.

        Raises:
            KktUnavailable: too many wait.
        """
        if len(self._waiting) >= COMMAND_LIMIT:
            raise KktUnavailable(
                "too many commands wait for this register", "к этой ККТ слишком много команд"
            )
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        return future

    async def run(self, lane: LaneTerm) -> bool:
        """Run all that wait, each to its end. True: one of them failed half-way, attempts may be open.

        Raises:
            Exception: what no command may raise; its caller gets it too.
        """
        doubt = False
        while self._waiting:
            command, future = self._waiting.popleft()
            if future.done():
                continue
            try:
                result = await command(lane)
            except AdapterError as error:
                doubt = doubt or not isinstance(error, Conflict)
                _fail(future, error)
            except BaseException as error:
                _fail(future, error if isinstance(error, Exception) else stopping())
                raise
            else:
                if not future.done():
                    future.set_result(result)
        return doubt

    def fail(self, error: AdapterError) -> None:
        """The lane stands still: whoever waits hears why."""
        while self._waiting:
            _fail(self._waiting.popleft()[1], error)


def stopping() -> KktUnavailable:
    return KktUnavailable("the service is stopping", "служба останавливается")


def failed() -> KktUnavailable:
    return KktUnavailable("internal error of the print lane: see the log", "внутренняя ошибка, см. журнал")


def not_held() -> KktUnavailable:
    return KktUnavailable(
        "This register is driven by another process, or is just being opened. Ask there, or try again.",
        "Этой ККТ управляет другой процесс, или она только открывается. Обратитесь к нему или повторите.",
    )


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # seen: its caller may have left meanwhile
