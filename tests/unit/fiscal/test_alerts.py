"""The board of alerts: when one begins and ends, what hides what, and what a restart keeps."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.alerts import HEALTHY, START, TROUBLE, Shop, endpoints, register

from kkt_adapter.fiscal.alerts.board import GRACE_S, Alert, Changes, KnownAlert
from kkt_adapter.fiscal.alerts.rule import Level, Rule
from kkt_adapter.fiscal.alerts.rules import RULES
from kkt_adapter.kernel.breaker import BreakerState
from kkt_adapter.kernel.errors import Text


def test_a_healthy_shop_has_no_alerts() -> None:
    shop = Shop()
    assert shop.shows() == Changes(started=(), ended=())
    assert shop.on == {}


def test_a_break_begins_the_duration_anew() -> None:
    shop = Shop()
    shop.shows(percent=80.0)
    shop.shows(after_s=299, percent=79.0)
    shop.shows(after_s=1, percent=80.0)
    assert not shop.shows(after_s=299, percent=80.0).started
    assert shop.shows(after_s=1, percent=80.0).started


def test_a_probe_of_the_breaker_does_not_begin_its_duration_anew() -> None:
    shop = Shop()
    shop.shows(**endpoints(state=BreakerState.OPEN))
    for _ in range(4):
        shop.shows(after_s=60, **endpoints(state=BreakerState.HALF_OPEN))
        shop.shows(after_s=5, **endpoints(state=BreakerState.OPEN))
    (alert,) = shop.shows(after_s=60, **endpoints(state=BreakerState.OPEN)).started
    assert (alert.rule.code, alert.subject) == ("BREAKER_OPEN", "ofd")


def test_a_pending_condition_says_what_it_becomes_and_when() -> None:
    shop = Shop()
    shop.shows(percent=80.0)
    (alert,) = shop.board.alerts()
    assert (alert.level, alert.rule.level) == (Level.INFO, Level.P2)
    assert alert.due_at == START + timedelta(seconds=300)


def test_of_a_family_the_most_severe_is_shown_and_what_may_become_worse() -> None:
    shop = Shop()
    shop.shows(percent=85.0)
    shop.shows(after_s=300, percent=85.0)
    assert shop.on == {"BUFFER_FILLING": Level.P2}
    shop.shows(after_s=5, percent=100.0)
    assert shop.on == {
        "BUFFER_FILLING": Level.P2, "BUFFER_ALMOST_FULL": Level.INFO, "BUFFER_FULL": Level.INFO
    }  # fmt: skip
    shop.shows(after_s=60, percent=100.0)
    assert shop.on == {"BUFFER_FULL": Level.P1}
    shop.shows(after_s=60, percent=85.0)
    assert shop.on == {"BUFFER_FILLING": Level.P2}


def test_one_register_does_not_hide_another() -> None:
    shop = Shop()
    blocked = register(blocked="FN_FULL", trouble=TROUBLE)
    slow = replace(register(trouble=TROUBLE), register_id="POS-002")
    shop.shows(registers=(blocked, slow))
    shop.shows(after_s=60, registers=(blocked, slow))
    assert {(a.rule.code, a.subject) for a in shop.board.alerts()} == {
        ("KKT_BLOCKED", "POS-001"),
        ("KKT_NOT_READY", "POS-002"),
    }


def test_the_most_severe_come_first_then_the_oldest() -> None:
    shop = Shop()
    shop.shows(redis_lost=True)
    shop.shows(after_s=1, redis_lost=True, grown_30m=30)
    shop.shows(after_s=1, redis_lost=True, grown_30m=30, dlq_open=51)
    assert [a.rule.code for a in shop.board.alerts()] == ["DLQ_LARGE", "REDIS_LOST", "BUFFER_GROWING"]


def test_numbers_in_a_message_follow_what_is_seen() -> None:
    shop = Shop()
    shop.shows(dlq_open=60)
    shop.shows(after_s=5, dlq_open=70)
    alert = shop.board.alerts()[0]
    assert "70" in alert.message.en
    assert "70" in alert.message.ru


KNOWN = KnownAlert(
    code="DLQ_LARGE", subject="", message=Text("was", "было"), started_at=START - timedelta(hours=3)
)


def test_an_alert_of_before_the_start_goes_on_with_its_first_beginning() -> None:
    shop = Shop()
    shop.board.adopt([KNOWN], monotonic=1000.0)
    assert not shop.shows(after_s=5, dlq_open=60).started
    (alert,) = shop.board.alerts()
    assert (alert.level, alert.started_at) == (Level.P1, KNOWN.started_at)


def test_an_alert_of_before_the_start_ends_when_it_is_not_seen_for_a_while() -> None:
    shop = Shop()
    shop.board.adopt([KNOWN], monotonic=1000.0)
    assert not shop.shows(after_s=GRACE_S - 1).ended  # nothing may have been looked at yet
    (ended,) = shop.shows(after_s=1).ended
    assert ended.rule.code == "DLQ_LARGE"


def test_once_seen_again_it_ends_like_any_other() -> None:
    shop = Shop()
    shop.board.adopt([KNOWN], monotonic=1000.0)
    shop.shows(after_s=5, dlq_open=60)
    assert shop.shows(after_s=5).ended


def test_an_alert_of_a_rule_that_is_no_more_is_left_out() -> None:
    shop = Shop()
    shop.board.adopt([replace(KNOWN, code="GONE")], monotonic=1000.0)
    assert shop.board.all() == []


looks = st.lists(
    st.tuples(
        st.floats(min_value=0.1, max_value=400),
        st.fixed_dictionaries(
            {
                "percent": st.sampled_from([0.0, 79.0, 80.0, 95.0, 100.0]),
                "dlq_open": st.sampled_from([0, 1, 11, 51]),
                "redis_lost": st.booleans(),
            }
        ),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(looks)
def test_starts_and_ends_alternate_and_no_alert_is_on_without_its_condition(
    steps: list[tuple[float, dict[str, Any]]],
) -> None:
    shop = Shop()
    on: set[tuple[str, str]] = set()
    for after_s, seen in steps:
        changes = shop.shows(after_s=after_s, **seen)
        for alert in changes.ended:
            on.remove(alert.key)
        for alert in changes.started:
            assert alert.key not in on
            on.add(alert.key)
        assert set(shop.board.firing()) == on
        holding = {(rule.code, f.subject) for rule, f in holding_now(seen)}
        assert on <= holding
        assert {alert.key for alert in shop.board.all()} == holding


def holding_now(seen: dict[str, Any]) -> Iterator[tuple[Rule, Any]]:
    for rule in RULES:
        for finding in rule.find(replace(HEALTHY, **seen)):
            yield rule, finding


def test_an_alert_is_a_value() -> None:
    shop = Shop()
    shop.shows(dlq_open=60)
    (first, *_), (second, *_) = shop.board.all(), shop.board.all()
    assert isinstance(first, Alert)
    assert first == second
