"""What a run has shown, for people and for machines."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from types import MappingProxyType
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from kkt_adapter.lab.counting import Books, Traffic
from kkt_adapter.lab.devices.brands import BRANDS
from kkt_adapter.lab.reconcile import BookFinding, FindingKind

SHOWN_FINDINGS = 20
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kills, freezes, stops and full disks": ("process ", "disk "),
        "of registers": ("device ", *(f"{brand.name}: " for brand in BRANDS.values())),
        "of operator and line": ("operator", "line: "),
        "of clocks": ("clock ",),
        "of servers": ("Redis ", "PostgreSQL "),
        "of databases replaced and lost": ("database",),
        "of people and readers of logs": ("person ", "log "),
        "of demo tills and pools": ("demo ", "register held"),
    }
)
"""What a fault was done to: how the names of its kinds begin."""

ADDED_LATER = frozenset({"faults_wanted", "receipts_wanted", "out_of_time"})  # older files are without


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What the largest round needed, in millions of bytes."""

    lab_mb: int = 0  # memory of the lab's process
    node_mb: int = 0  # memory of the largest process it started
    folder_mb: int = 0  # files at the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    version: str
    commit: str | None  # of the checkout that ran; None: installed from a package
    seed: int
    setups: Mapping[str, int]  # what stood there -> rounds
    scale: float
    started_at: str  # RFC 3339 UTC
    duration_s: float
    settled_s: float  # from the end of the last fault until everything was printed and delivered; the longest
    faults: Mapping[str, int] = field(default_factory=dict)
    without_effect: Mapping[str, int] = field(default_factory=dict)
    points: Mapping[str, int] = field(default_factory=dict)  # name -> processes ended or stopped there
    node_starts: int = 0
    traffic: Traffic = field(default_factory=Traffic)
    books: Books = field(default_factory=Books)
    rounds: int = 1
    faults_wanted: int = 0  # that had to hit
    receipts_wanted: int = 0  # that had to be accepted
    out_of_time: int = 0  # rounds that were ended by their time limit
    footprint: Footprint = Footprint()
    findings: tuple[BookFinding, ...] = ()
    notes: tuple[str, ...] = ()

    def count(self, kind: FindingKind) -> int:
        return sum(finding.kind is kind for finding in self.findings)

    @property
    def fault_total(self) -> int:
        return sum(self.faults.values())

    @property
    def unaccounted(self) -> int:
        """Receipts in the FNs that nobody was told of; negative: so many are missing there."""
        return self.books.of_clients - (self.traffic.accepted - self.traffic.gone)

    @property
    def by_group(self) -> dict[str, int]:
        """Faults by what they were done to; those of a kind unknown here are ``others``."""
        found: Counter[str] = Counter()
        for name, n in self.faults.items():
            group = next((group for group, begins in GROUPS.items() if name.startswith(begins)), "others")
            found[group] += n
        return {group: found[group] for group in (*GROUPS, "others") if found[group]}

    @property
    def first_line(self) -> str:
        """How much was done, and to what: ``10,000 faults: 2,579 kills ...``."""
        parts = "; ".join(f"{n:,} {group}" for group, n in self.by_group.items())
        return f"{self.fault_total:,} faults: {parts}" if parts else "no faults"

    @property
    def shortfalls(self) -> tuple[str, ...]:
        """Why this run shows less than it was to show, whatever its books say."""
        said = []
        if self.fault_total < self.faults_wanted:
            said.append(f"only {self.fault_total:,} of {self.faults_wanted:,} faults hit")
        if self.traffic.accepted < max(1, self.receipts_wanted):
            said.append(f"only {self.traffic.accepted:,} receipts of {max(1, self.receipts_wanted):,}")
        if self.out_of_time:
            said.append(f"ended by the time limit: {self.out_of_time} of {self.rounds} rounds")
        return tuple(said)

    @property
    def passed(self) -> bool:
        """Nothing was found, the sums agree, and as much was tried as was asked for."""
        return not self.findings and not self.unaccounted and not self.shortfalls

    def as_json(self) -> str:
        counted = {
            "passed": self.passed,
            "summary": self.first_line,
            "shortfalls": self.shortfalls,
            "fault_total": self.fault_total,
            "faults_by_group": self.by_group,
            "lost": self.count(FindingKind.LOST),
            "doubled": self.count(FindingKind.DOUBLED),
            "undelivered": self.count(FindingKind.UNDELIVERED),
            "open_questions": self.count(FindingKind.OPEN),
            "wrong": self.count(FindingKind.WRONG),
        }
        body: dict[str, Any] = {**counted, **asdict(self)}
        return json.dumps(body, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Certificate":
        """What ``as_json`` made. Raises ValueError, TypeError or KeyError for anything else."""
        raw = json.loads(text)
        body = {
            known.name: raw[known.name]
            for known in fields(cls)
            if known.name in raw or known.name not in ADDED_LATER
        }
        findings = [
            BookFinding(**{**found, "kind": FindingKind(found["kind"])}) for found in body["findings"]
        ]
        return cls(
            **{
                **body,
                "traffic": Traffic(**body["traffic"]),
                "books": Books(**body["books"]),
                "footprint": Footprint(**body["footprint"]),
                "findings": tuple(findings),
                "notes": tuple(body["notes"]),
            }
        )

    def show(self, console: Console, *, remarks: Sequence[str] = ()) -> None:
        """Print it, with ``remarks`` of today under its own words."""
        title = "PASSED" if self.passed else "FAILED"
        console.print(
            Panel(
                Group(self._head(remarks), self._faults(), self._results(), self._findings()),
                title=f"kkt-adapter fault lab: {title}",
                border_style="green" if self.passed else "red",
            )
        )

    def _head(self, remarks: Sequence[str]) -> Text:
        many = self.rounds > 1
        what = f"version {self.version}" + (f", commit {self.commit}" if self.commit else "")
        lines = [
            self.first_line,
            *(f"NOT ENOUGH: {said}" for said in self.shortfalls),
            f"{what}, seed {self.seed}, time x{self.scale:g}",
            *(f"{f'{n} x ' if many else ''}{setup}" for setup, n in self.setups.items()),
            f"{self.started_at}, {self.duration_s:.0f} s, settled within {self.settled_s:.1f} s",
            f"at most {self.footprint.lab_mb} MB for the lab, {self.footprint.node_mb} MB for a process, "
            f"{self.footprint.folder_mb} MB of files",
        ]
        return Text("\n".join((*lines, *self.notes, *remarks, "")))

    def _faults(self) -> Table:
        table = Table("fault", "hit", box=None, pad_edge=False)
        for name, n in sorted(self.faults.items(), key=lambda item: -item[1]):
            table.add_row(name, str(n))
        table.add_row("all", str(self.fault_total), style="bold")
        deaths = sum(n > 0 for n in self.points.values())
        table.add_row(f"named points: {deaths} of {len(self.points)} hit, {self.node_starts} starts", "")
        return table

    def _results(self) -> Table:
        traffic, books = self.traffic, self.books
        table = Table("", "", box=None, pad_edge=False, show_header=False)
        rows: list[tuple[str, int]] = [
            ("receipts asked for", traffic.receipts),
            ("accepted (200)", traffic.accepted),
            ("of these not asked for again", traffic.gone),
            ("refused by the rules", traffic.refused),
            ("tries without an answer", traffic.tries_without_answer),
            ("replays", traffic.replays),
            ("key conflicts refused", traffic.conflicts),
            ("documents in the FNs", books.documents),
            ("of these receipts", books.receipts),
            ("others' receipts", books.others),
            ("more or fewer by people's decisions", books.by_people),
            ("forgotten by a database", books.gone),
            ("documents at the operator", books.at_operator),
            ("repeated on the way", books.repeated),
            ("unaccounted for", self.unaccounted),
            ("lost", self.count(FindingKind.LOST)),
            ("doubled", self.count(FindingKind.DOUBLED)),
            ("undelivered", self.count(FindingKind.UNDELIVERED)),
            ("open questions", self.count(FindingKind.OPEN)),
            ("other contradictions", self.count(FindingKind.WRONG)),
        ]
        for name, n in rows:
            table.add_row(name, str(n))
        return table

    def _findings(self) -> Text:
        lines = [f"{f.kind}: {f.subject}: {f.text}" for f in self.findings[:SHOWN_FINDINGS]]
        left = len(self.findings) - SHOWN_FINDINGS
        if left > 0:
            kinds = Counter(f.kind.value for f in self.findings[SHOWN_FINDINGS:])
            lines.append(f"and {left} more: {dict(kinds)}")
        return Text("\n".join(("", *lines)) if lines else "")
