"""When the wall clock may be believed: witnesses first, then the steady clock, then what was stored."""

from datetime import UTC, datetime, timedelta

import pytest

from kkt_adapter.kernel.clock_drift import moment_of_unknown_zone
from kkt_adapter.kernel.clock_trust import Believed, Bounds, Doubted, Sighting, Stored, Witness, judge

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
JUMPS = [timedelta(days=n) for n in (-400, -1, 1, 40, 402, 5 * 365)] + [timedelta(minutes=6)]


def says(witness: Witness, off: timedelta = timedelta()) -> Sighting:
    return Sighting(witness=witness, at=NOW + off)


def trust(*sightings: Sighting, expected: datetime | None = None, **stored: datetime) -> Believed | Doubted:
    return judge(NOW, sightings, expected=expected, stored=Stored(**stored), bounds=Bounds())


def test_a_new_shop_has_nothing_to_compare_with() -> None:
    assert trust() == Believed(by=None)


@pytest.mark.parametrize("witness", [Witness.OPERATOR, Witness.REGISTER, Witness.SERVER, Witness.PERSON])
@pytest.mark.parametrize("jump", JUMPS)
def test_another_clock_decides_whatever_the_machine_says(witness: Witness, jump: timedelta) -> None:
    for expected in (None, NOW, NOW - jump):
        assert trust(says(witness), expected=expected, believed_at=NOW - jump) == Believed(by=witness)
        found = trust(says(witness, -jump), expected=expected, believed_at=NOW)
        assert isinstance(found, Doubted)
        assert found.behind is (jump < timedelta())


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_while_running_needs_another_clock(jump: timedelta) -> None:
    found = trust(expected=NOW - jump, believed_at=NOW - jump)
    assert isinstance(found, Doubted)
    assert found.behind is (jump < timedelta())
    assert trust(says(Witness.OPERATOR), expected=NOW - jump) == Believed(by=Witness.OPERATOR)


@pytest.mark.parametrize(
    ("passed", "believed"),
    [
        (timedelta(), True),
        (23 * HOUR, True),
        (25 * HOUR, False),
        (90 * DAY, False),  # a shop closed for three months, or a wrong year: nobody can tell
        (-4 * MINUTE, True),
        (-6 * MINUTE, False),
        (-400 * DAY, False),
    ],
)
def test_after_a_start_a_day_is_believed_alone(passed: timedelta, believed: bool) -> None:
    assert isinstance(trust(believed_at=NOW - passed), Believed) is believed
    assert isinstance(trust(says(Witness.SERVER), believed_at=NOW - passed), Believed)


def test_a_time_before_a_document_is_doubted() -> None:
    found = trust(written_at=NOW + 6 * MINUTE)
    assert isinstance(found, Doubted)
    assert found.behind
    assert trust(written_at=NOW + 4 * MINUTE) == Believed(by=Witness.STORED)


def test_one_clock_against_another_decides_nothing_and_a_person_ends_it() -> None:
    apart = says(Witness.REGISTER, 6 * MINUTE)
    assert isinstance(trust(says(Witness.OPERATOR), apart), Doubted)
    assert isinstance(trust(says(Witness.OPERATOR), says(Witness.SERVER), apart), Believed)
    assert trust(says(Witness.PERSON), apart, says(Witness.OPERATOR, DAY)) == Believed(by=Witness.PERSON)


def test_a_person_s_word_moves_on_with_the_steady_clock() -> None:
    assert isinstance(trust(says(Witness.PERSON, -402 * DAY), expected=NOW - 402 * DAY), Doubted)


def test_every_reason_is_said_in_both_languages() -> None:
    for found in (
        trust(says(Witness.OPERATOR, DAY)),
        trust(expected=NOW - 3 * HOUR),
        trust(believed_at=NOW + DAY),
        trust(believed_at=NOW - 9 * DAY),
    ):
        assert isinstance(found, Doubted)
        assert found.reason.en != found.reason.ru


@pytest.mark.parametrize(
    ("host_off", "seen_off"),
    [
        (timedelta(), timedelta()),
        (3 * MINUTE, timedelta()),
        (402 * DAY, timedelta(hours=3)),  # no zone explains it: read as UTC, which is right to 14 hours
        (-400 * DAY, timedelta(hours=3)),
    ],
)
def test_a_clock_without_a_zone_tells_the_moment(host_off: timedelta, seen_off: timedelta) -> None:
    moscow = (NOW + 3 * HOUR).replace(tzinfo=None)
    assert moment_of_unknown_zone(moscow, at=NOW + host_off) == NOW + seen_off
