"""Who gets a connection when there are too many."""

from dataclasses import dataclass, field

from structlog.testing import capture_logs

from kkt_adapter.api.wire.connections import Connections, Refusal
from kkt_adapter.api.wire.limits import WireLimits, within_files
from kkt_adapter.api.wire.refusal_log import RefusalLog
from kkt_adapter.kernel.addresses import within
from kkt_adapter.runtime.connection_counts import ConnectionCounts

FAR = "203.0.113.7"
LIMITS = WireLimits(connections=8, connections_per_address=3, reserve=0.25)


@dataclass(eq=False)
class Line:
    """A connection as the table sees it."""

    address: str = FAR
    quiet_since: float = 0.0
    proven: bool = False
    at_work: bool = False
    ended: list[str] = field(default_factory=list)

    def evict(self) -> None:
        self.ended.append("evicted")

    def look(self, now: float) -> None:
        self.ended.append(f"looked {now}")


def proven(table: Connections, line: Line) -> Line:
    table.prove(line)
    line.proven = True
    return line


def test_the_one_that_asked_nothing_longest_gives_its_place() -> None:
    table = Connections(LIMITS)
    lines = [Line(quiet_since=float(n)) for n in (5, 1, 3)]
    for line in lines:
        assert table.enter(line) is None
    assert table.enter(Line(quiet_since=9)) is None
    assert [bool(line.ended) for line in lines] == [False, True, False]
    assert len(table) == 3


def test_an_address_whose_requests_are_all_at_work_gets_no_more() -> None:
    table = Connections(LIMITS)
    for _ in range(3):
        assert table.enter(Line(at_work=True)) is None
    assert table.enter(Line()) is Refusal.ADDRESS
    assert table.enter(Line(address="203.0.113.8")) is None, "others are not affected"


def test_loopback_and_trusted_proxies_may_be_many() -> None:
    table = Connections(LIMITS, trusts=within(("10.0.0.0/24",)))
    for number in range(6):
        assert table.enter(Line(address="127.0.0.1" if number % 2 else "10.0.0.9", at_work=True)) is None


def test_the_reserve_is_for_connections_that_showed_a_credential() -> None:
    table = Connections(LIMITS)
    tills = []
    for number in range(2):
        till = Line(address=f"192.0.2.{number}")
        assert table.enter(till) is None
        tills.append(proven(table, till))
    for number in range(6):
        assert table.enter(Line(address=f"198.51.100.{number}", at_work=True)) is None
    assert table.enter(Line(address="198.51.100.99")) is Refusal.TOTAL
    assert not any(till.ended for till in tills)


def test_unproven_connections_stop_short_of_the_reserve() -> None:
    table = Connections(LIMITS)
    for number in range(6):
        assert table.enter(Line(address=f"198.51.100.{number}", at_work=True)) is None
    assert table.enter(Line(address="198.51.100.99")) is Refusal.TOTAL
    assert len(table) == 6


def test_whoever_leaves_gives_the_place_back_once() -> None:
    table = Connections(LIMITS)
    line, till = Line(), Line(address="192.0.2.1")
    table.enter(line)
    table.enter(till)
    proven(table, till)
    for one in (line, till, line):
        table.leave(one)
    assert len(table) == 0
    for number in range(6):
        assert table.enter(Line(address=f"198.51.100.{number}", at_work=True)) is None


def test_few_open_files_mean_few_connections() -> None:
    assert within_files(1000, files=65_536) == 1000
    assert within_files(1000, files=200) == 68
    assert within_files(1000, files=80) == 16


def test_servers_of_one_process_count_together() -> None:
    counts = ConnectionCounts()
    first, second = (Connections(LIMITS, counts=counts) for _ in range(2))
    line = Line()
    first.enter(line)
    second.enter(Line())
    assert counts.open == 2
    first.leave(line)
    first.leave(line)
    second.count(Refusal.MALFORMED, FAR)
    assert counts.open == 1
    assert counts.refused == {one.value: int(one is Refusal.MALFORMED) for one in Refusal}


def test_a_flood_of_refusals_is_one_log_line_a_minute() -> None:
    counts = ConnectionCounts()
    table, told = Connections(LIMITS, counts=counts), RefusalLog(counts)
    with capture_logs() as lines:
        told.look(0.0)
        table.count(Refusal.IDLE, FAR)
        told.look(1.0)
        assert lines == [], "an idle connection that ends is nothing to tell"
        table.count(Refusal.MALFORMED, FAR)
        told.look(2.0)
        for second in range(3, 70):
            table.count(Refusal.EVICTED, "203.0.113.8")
            told.look(float(second))
    assert [line["event"] for line in lines] == ["connections_refused"] * 2
    assert lines[0]["reasons"] == {"malformed": 1}
    assert lines[0]["last_address"] == FAR
    assert lines[1]["reasons"] == {"evicted": 60}, "the whole minute at once"
    assert lines[1]["log_level"] == "warning"
