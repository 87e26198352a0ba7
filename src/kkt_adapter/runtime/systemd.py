"""Telling systemd that the service is up, alive, and about to stop (sd_notify, a datagram to its socket).

The watchdog's sign of life is sent by a task of the event loop, so it stops when the loop does: a service
that accepts connections and answers none is ended and started again, which loses nothing. Trouble of peers, a
full buffer or a stopped register stop no sign of life: a restart would not help them.

Source: sd_notify(3), "Notes" (the protocol) and systemd.service(5), WatchdogSec=.
"""

import asyncio
import os
import socket
from collections.abc import Mapping

from kkt_adapter.kernel.clock import Clock
from kkt_adapter.runtime.log import get_logger
from kkt_adapter.runtime.wakeup import happens_within

SOCKET, WATCHDOG_US, WATCHDOG_PID = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
SIGNS_PER_LIMIT = 3  # signs of life within the watchdog's limit; half of it is systemd's own advice
LATE_S = 1.0  # a loop that comes back this much late is worth a line in the log


class SystemdNotify:
    """A ``Service``. Made by `systemd_notify` only where systemd asks for it."""

    name = "systemd"

    def __init__(self, address: str, *, watchdog_s: float | None, clock: Clock) -> None:
        """``address``: a path, or an abstract name after ``@``. ``watchdog_s`` None: no watchdog."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = watchdog_s
        self._clock = clock
        self._log = get_logger("systemd")

    def ready(self) -> None:
        """Requests are answered from now on."""
        self._say("READY=1")

    async def run(self, stop: asyncio.Event) -> None:
        """Signs of life until ``stop``, then that the service is stopping."""
        every_s = None if self._watchdog_s is None else self._watchdog_s / SIGNS_PER_LIMIT
        while not stop.is_set() and every_s is not None:
            self._say("WATCHDOG=1")
            slept_at = self._clock.monotonic()
            await happens_within(self._clock, every_s, stop)
            late_s = self._clock.monotonic() - slept_at - every_s
            if late_s > LATE_S and not stop.is_set():
                self._log.warning("event_loop_was_late", late_s=round(late_s, 1))
        await stop.wait()
        self._say("STOPPING=1")

    def _say(self, text: str) -> None:
        """Never waits and never raises: without systemd's ear the service works all the same."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(text.encode(), self._address)
        except OSError as error:
            self._log.warning("systemd_not_told", text=text, error=error.strerror)


def systemd_notify(environment: Mapping[str, str], *, clock: Clock) -> SystemdNotify | None:
    """From the variables that systemd sets; None when it does not ask for anything."""
    address = environment.get(SOCKET, "")
    if not address.startswith(("/", "@")):
        return None
    for_us = environment.get(WATCHDOG_PID, "") in ("", str(os.getpid()))
    limit_us = environment.get(WATCHDOG_US, "") if for_us else ""
    watchdog_s = int(limit_us) / 1_000_000 if limit_us.isdigit() and int(limit_us) else None
    return SystemdNotify(address, watchdog_s=watchdog_s, clock=clock)
