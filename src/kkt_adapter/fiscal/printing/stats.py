"""What the print lanes report, counted for metrics: one addition per receipt."""

from collections.abc import Callable, Sequence

from kkt_adapter.fiscal.kkt.command_times import CommandTime
from kkt_adapter.fiscal.model import FiscalDocument, Receipt
from kkt_adapter.fiscal.printing.device_times import DeviceTimes, DeviceTimesShown
from kkt_adapter.kernel.clock import Clock
from kkt_adapter.kernel.histogram import Histogram
from kkt_adapter.kernel.ids import unix_ms_of

# Each limit of the alert table is a bound, so that a quantile beside it is exact.
LATENCY_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.0, 10.0, 15.0, 30.0, 60.0)
PRINT_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REASONS = ("not_ready", "refused", "outcome_unknown")


class PrintStats:
    """The lanes' listener. ``tell`` wakes delivery with the FN of a new document; it is set once there is
    something to wake."""

    def __init__(self, clock: Clock) -> None:
        self.tell: Callable[[str], None] = lambda fn_number: None
        self.audits: dict[str, Callable[[Receipt, FiscalDocument], None]] = {}  # by register
        self.print_errors: dict[str, int] = dict.fromkeys(REASONS, 0)
        self.print_s: dict[str, Histogram] = {}  # by register
        self.command_s: dict[str, Histogram] = {}  # by register
        self._device_times: dict[str, DeviceTimes] = {}  # by register
        self.latency_s = Histogram(LATENCY_BOUNDS_S)  # accepted to printed, however long that was
        self._clock = clock

    def document_made(self, register_id: str, document: FiscalDocument, *, took_s: float) -> None:
        if took_s:  # 0: found in the FN after a lost answer, nobody knows how long it took
            histogram = self.print_s.get(register_id)
            if histogram is None:
                histogram = self.print_s[register_id] = Histogram(PRINT_BOUNDS_S)
            histogram.observe(took_s)
        self.tell(document.fn_number)

    def commands_timed(self, register_id: str, times: Sequence[CommandTime]) -> None:
        """What one receipt has cost at its device."""
        histogram = self.command_s.get(register_id)
        if histogram is None:
            histogram = self.command_s[register_id] = Histogram(PRINT_BOUNDS_S)
            self._device_times[register_id] = DeviceTimes()
        for time in times:
            histogram.observe(time.took_ms / 1000)
        self._device_times[register_id].add(times)

    def device_times(self, register_id: str) -> DeviceTimesShown | None:
        """Of its newest receipts since the start; None: there was none."""
        times = self._device_times.get(register_id)
        return None if times is None else times.shown()

    def receipt_made(self, register_id: str, receipt: Receipt, document: FiscalDocument) -> None:
        audit = self.audits.get(register_id)
        if audit is not None:
            audit(receipt, document)

    def print_failed(self, register_id: str, reason: str) -> None:
        self.print_errors[reason] = self.print_errors.get(reason, 0) + 1

    def receipt_printed(self, receipt_id: str) -> None:
        """Its id says when it was accepted."""
        self.latency_s.observe(max(0.0, self._clock.now().timestamp() - unix_ms_of(receipt_id) / 1000))
