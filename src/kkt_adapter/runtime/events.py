"""Bounded fan-out within the process: a slow listener loses its oldest events and never holds anybody up."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from kkt_adapter.kernel.errors import Overloaded

Event = TypeVar("Event")

LISTENERS_LIMIT = 100
BACKLOG_LIMIT = 256  # events a listener may be behind


class Listener(Generic[Event]):
    """Events since `Fanout.listen` was entered. Iterating ends when the fan-out is closed."""

    def __init__(self, backlog: int) -> None:
        self.lost = 0  # events dropped because this listener was behind
        self._events: deque[Event] = deque(maxlen=backlog)
        self._news = asyncio.Event()
        self._closed = False

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._events.popleft()

    def offer(self, event: Event) -> None:
        if len(self._events) == self._events.maxlen:
            self.lost += 1
        self._events.append(event)
        self._news.set()

    def close(self) -> None:
        self._closed = True
        self._news.set()


class Fanout(Generic[Event]):
    """Everything here runs on the event loop."""

    def __init__(self, *, listeners: int = LISTENERS_LIMIT, backlog: int = BACKLOG_LIMIT) -> None:
        self._limit = listeners
        self._backlog = backlog
        self._listeners: set[Listener[Event]] = set()
        self._closed = False

    @property
    def listening(self) -> int:
        return len(self._listeners)

    def publish(self, event: Event) -> None:
        """Hand ``event`` to everybody who listens now; never waits and never fails."""
        for listener in self._listeners:
            listener.offer(event)

    @contextmanager
    def listen(self) -> Iterator[Listener[Event]]:
        """Listen inside the block.

        Raises:
            Overloaded: too many listen already.
        """
        if len(self._listeners) >= self._limit:
            raise Overloaded(
                f"{self._limit} listeners already follow the events; close one and try again.",
                f"За событиями уже следят {self._limit} подписчиков; закройте один и повторите.",
            )
        listener: Listener[Event] = Listener(self._backlog)
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all listeners after what they already have; new ones end at once."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
