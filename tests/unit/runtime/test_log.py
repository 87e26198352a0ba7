"""One JSON object a line, and no secret in any of them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from kkt_adapter.runtime.log import HIDDEN, LogFormat, configure_logging, get_logger, is_secret


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """Where the log goes; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    yield io.StringIO()
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.configure(**before)


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_line_begins_with_what_people_look_for(out: io.StringIO) -> None:
    configure_logging(log_format=LogFormat.JSON, stream=out)

    get_logger("delivery").info("document_delivered", fd_number=17, took_s=0.25, register="Касса 1")

    (line,) = lines(out)
    assert list(line)[:4] == ["timestamp", "level", "component", "event"]
    assert line | {"timestamp": ""} == {
        "timestamp": "", "level": "info", "component": "delivery", "event": "document_delivered",
        "fd_number": 17, "took_s": 0.25, "register": "Касса 1",
    }  # fmt: skip
    assert line["timestamp"].endswith("Z")
    assert "Касса 1" in out.getvalue()


def test_secrets_and_contacts_are_hidden_at_any_depth(out: io.StringIO) -> None:
    configure_logging(log_format=LogFormat.JSON, stream=out)

    get_logger("api").warning(
        "refused",
        password="hunter2",
        headers={"Authorization": "Bearer abc", "X-Request-Id": "r1"},
        receipt={"buyer": {"email": "a@b.ru"}, "lines": [{"customerPhone": "+7999"}, {"price_kop": 5}]},
        access_token=None,
    )

    (line,) = lines(out)
    assert line["password"] == HIDDEN
    assert line["headers"] == {"Authorization": HIDDEN, "X-Request-Id": "r1"}
    assert line["receipt"] == {"buyer": HIDDEN, "lines": [{"customerPhone": HIDDEN}, {"price_kop": 5}]}
    assert line["access_token"] is None  # that there is none is no secret
    for secret in ("hunter2", "abc", "a@b.ru", "+7999"):
        assert secret not in out.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "X-Authorization",
        "refreshToken",
        "buyer_email",
        "phone",
        "api_key",
        "PASSWORD",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["event", "fd_number", "key", "pos_id", "author", "emails_sent", "detail"])
def test_names_that_hide_nothing(name: str) -> None:
    assert not is_secret(name)


def test_the_libraries_lines_have_the_same_shape(out: io.StringIO) -> None:
    configure_logging(log_format=LogFormat.JSON, stream=out)

    logging.getLogger("somelib.part").warning("%d retries", 3)

    (line,) = lines(out)
    assert (line["component"], line["event"], line["level"]) == ("somelib.part", "3 retries", "warning")


def test_migrations_are_silent(out: io.StringIO) -> None:
    configure_logging(log_format=LogFormat.JSON, stream=out)

    logging.getLogger("alembic.runtime.migration").info("Running upgrade")

    assert out.getvalue() == ""


def test_levels_are_obeyed_by_loggers_made_before(out: io.StringIO) -> None:
    early = get_logger("early")
    configure_logging(level="WARNING", log_format=LogFormat.JSON, stream=out)

    early.info("quiet")
    early.error("loud")

    assert [line["event"] for line in lines(out)] == ["loud"]


def test_an_unknown_level_is_refused(out: io.StringIO) -> None:
    with pytest.raises(ValueError, match="LOUD"):
        configure_logging(level="LOUD", stream=out)


@pytest.mark.parametrize("log_format", [LogFormat.JSON, LogFormat.CONSOLE])
def test_a_crash_shows_its_trace_but_no_local_variables(out: io.StringIO, log_format: LogFormat) -> None:
    configure_logging(log_format=log_format, stream=out)
    held_in_a_variable = "kept" + "secret"
    try:
        raise KeyError("what went wrong")
    except KeyError as error:
        get_logger("x").error("crashed", exc_info=error)

    assert "what went wrong" in out.getvalue()
    assert "test_log.py" in out.getvalue()
    assert held_in_a_variable not in out.getvalue()


def test_what_is_bound_to_the_context_is_in_the_line(out: io.StringIO) -> None:
    configure_logging(log_format=LogFormat.JSON, stream=out)
    with structlog.contextvars.bound_contextvars(receipt_id="r-1"):
        get_logger("intake").info("receipt_accepted")

    assert lines(out)[0]["receipt_id"] == "r-1"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("where", "is_json"), [(io.StringIO, True), (Terminal, False)])
def test_unless_told_otherwise_a_terminal_gets_text_and_everything_else_json(
    out: io.StringIO, where: type[io.StringIO], is_json: bool
) -> None:
    stream = where()
    configure_logging(stream=stream)
    get_logger("intake").info("receipt_accepted", phone="+79161234567")

    assert stream.getvalue().startswith("{") is is_json
    assert "receipt_accepted" in stream.getvalue()
    assert "79161234567" not in stream.getvalue()


def test_on_a_terminal_the_text_is_for_people(out: io.StringIO) -> None:
    configure_logging(log_format=LogFormat.CONSOLE, stream=out)
    get_logger("intake").info("receipt_accepted", token="hunter2")

    assert "receipt_accepted" in out.getvalue()
    assert "hunter2" not in out.getvalue()
    with pytest.raises(ValueError, match=r"Expecting value|Extra data"):
        json.loads(out.getvalue())


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError("nobody reads")


class Unshowable:
    def __str__(self) -> str:
        raise RuntimeError("hunter2")


def test_a_line_that_cannot_be_written_fails_nobody(
    out: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging(log_format=LogFormat.JSON, stream=Broken())
    get_logger("intake").info("receipt_accepted")
    assert "nobody reads" in capsys.readouterr().err

    configure_logging(log_format=LogFormat.JSON, stream=out)
    get_logger("intake").info("receipt_accepted", till=Unshowable())

    (line,) = lines(out)
    assert line == {"level": "info", "event": "line_not_shown", "error": "RuntimeError"}
