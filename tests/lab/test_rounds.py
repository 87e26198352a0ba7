"""Long runs in rounds: how they are cut, and how their certificates become one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.cli import run

from kkt_adapter.cli.program import app
from kkt_adapter.lab.certificate import Certificate, Footprint
from kkt_adapter.lab.counting import Books, Traffic
from kkt_adapter.lab.plan import LabPlan
from kkt_adapter.lab.reconcile import BookFinding, FindingKind
from kkt_adapter.lab.rounds import MIXED, ONE_SQLITE, TWO_POSTGRES, merged, rounds_of

ROOT = Path(__file__).parents[2]
LOST = BookFinding(kind=FindingKind.LOST, subject="Lab 000007", text="told printed, and it is not stored")


def certificate(**changes: object) -> Certificate:
    base = Certificate(
        version="0.1.0",
        commit="0123456789ab",
        seed=1000,
        setups={"1 node, SQLite": 1},
        scale=10.0,
        started_at="2026-01-02T03:04:05Z",
        duration_s=60.0,
        settled_s=1.5,
        faults={"disk full": 2, "clock jump": 3},
        without_effect={"disk full": 1},
        points={"answer:before": 1, "answer:after": 0},
        node_starts=4,
        traffic=Traffic(receipts=10, accepted=9, refused=1, tries_without_answer=3, replays=9, conflicts=1),
        books=Books(documents=12, receipts=9, at_operator=12, repeated=2),
        footprint=Footprint(lab_mb=100, node_mb=110, folder_mb=20),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_rounds_have_all_the_faults_and_seeds_of_their_own():
    rounds = rounds_of(LabPlan(seed=7, faults=1050), faults=250, setups=MIXED)

    assert [one.faults for one in rounds] == [250, 250, 250, 250, 50]
    assert [one.seed for one in rounds] == [7000, 7001, 7002, 7003, 7004]


def test_setups_take_turns():
    rounds = rounds_of(LabPlan(seed=1, faults=30), faults=10, setups=(ONE_SQLITE, TWO_POSTGRES))

    assert [one.setup for one in rounds] == [
        "1 node, SQLite",
        "2 nodes, PostgreSQL, Redis",
        "1 node, SQLite",
    ]


def test_each_round_has_a_folder_of_its_own():
    plan = LabPlan(seed=1, faults=20, folder=Path("kept"))

    folders = [one.folder for one in rounds_of(plan, faults=10, setups=MIXED)]

    assert folders == [Path("kept/seed-1000"), Path("kept/seed-1001")]


def test_a_merged_certificate_adds_what_is_counted_and_keeps_the_worst_of_the_rest():
    other = certificate(
        seed=1001,
        setups={"2 nodes, PostgreSQL, Redis": 1},
        settled_s=9.0,
        faults={"disk full": 1, "Redis killed": 4},
        points={"answer:after": 2},
        footprint=Footprint(lab_mb=90, node_mb=130, folder_mb=60),
    )

    whole = merged([certificate(), other], seed=1, duration_s=70.0)

    assert (whole.seed, whole.rounds, whole.duration_s, whole.settled_s) == (1, 2, 70.0, 9.0)
    assert whole.faults == {"disk full": 3, "clock jump": 3, "Redis killed": 4}
    assert whole.fault_total == 10
    assert whole.setups == {"1 node, SQLite": 1, "2 nodes, PostgreSQL, Redis": 1}
    assert whole.points == {"answer:after": 2, "answer:before": 1}
    assert whole.traffic.receipts == 20
    assert whole.books.repeated == 4
    assert whole.footprint == Footprint(lab_mb=100, node_mb=130, folder_mb=60)
    assert whole.passed


def test_one_finding_fails_the_whole_run_and_says_in_which_round_it_was():
    whole = merged([certificate(), certificate(seed=1001, findings=(LOST,))], seed=1, duration_s=70.0)

    assert not whole.passed
    assert whole.count(FindingKind.LOST) == 1
    assert whole.findings[0].subject == "seed 1001, 1 node, SQLite: Lab 000007"


def test_a_certificate_survives_its_file():
    written = certificate(findings=(LOST,), notes=("a note",))

    assert Certificate.from_json(written.as_json()) == written


def test_the_first_line_says_what_the_faults_were_done_to():
    many = certificate(
        faults={
            "process killed at random": 1_200,
            "disk full": 7,
            "device hangs": 5,
            "line: cut": 3,
            "operator down": 2,
            "clock jump": 1,
            "PostgreSQL restarted": 4,
            "something new": 6,
        }
    )

    assert many.first_line == (
        "1,228 faults: 1,207 kills, freezes, stops and full disks; 5 of registers; 5 of operator and line; "
        "1 of clocks; 4 of servers; 6 others"
    )


SHORT: dict[str, tuple[dict[str, object], str]] = {
    "faults": ({"faults_wanted": 6}, "only 5 of 6 faults hit"),
    "receipts": ({"receipts_wanted": 10}, "only 9 receipts of 10"),
    "time": ({"out_of_time": 1}, "ended by the time limit: 1 of 1 rounds"),
    "no receipt": ({"traffic": Traffic()}, "only 0 receipts of 1"),
}


@pytest.mark.parametrize("what", SHORT)
def test_a_run_that_shows_less_than_it_was_to_show_is_no_pass(what: str):
    changes, said = SHORT[what]
    short = certificate(**changes)

    assert not short.passed
    assert short.shortfalls == (said,)
    whole = merged([certificate(), short], seed=1, duration_s=1.0)
    assert whole.faults_wanted == short.faults_wanted
    assert whole.out_of_time == short.out_of_time


def test_rounds_share_the_receipts_that_are_wanted():
    rounds = rounds_of(LabPlan(seed=1, faults=30, receipts=10), faults=20, setups=MIXED)

    assert [one.receipts for one in rounds] == [7, 4]


def test_a_certificate_of_an_earlier_version_can_still_be_read():
    body = json.loads(certificate().as_json())
    for name in ("faults_wanted", "receipts_wanted", "out_of_time"):
        del body[name]

    assert Certificate.from_json(json.dumps(body)) == certificate()


def test_a_certificate_says_when_it_is_shown_that_the_source_is_another(tmp_path: Path):
    file = tmp_path / "certificate.json"
    file.write_text(certificate(commit=None).as_json())

    shown = run(app, "lab", "--show", str(file))

    assert shown.exit_code == 0
    assert "5 faults: 2 kills, freezes, stops and full disks; 3 of clocks" in shown.stdout
    if (ROOT / ".git").exists():
        assert "it names no commit" in shown.stdout


def test_no_fault_at_all_is_no_run():
    assert run(app, "lab", "--faults", "0").exit_code == 2


@pytest.mark.parametrize("text", ["", "{}", '{"seed": 1}'])
def test_what_is_no_certificate_is_refused(text: str):
    with pytest.raises((ValueError, KeyError)):
        Certificate.from_json(text)
