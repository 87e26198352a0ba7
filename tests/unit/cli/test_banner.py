"""What the start says: where, with which registers and operator, and a line that can be copied."""

import json
import shlex
from pathlib import Path
from typing import Any

from kkt_adapter.cli.service.banner import Start, banner
from kkt_adapter.settings import load_settings


def said(*, environment: dict[str, str] | None = None, file: Path | None = None, **more: Any) -> str:
    settings = load_settings(environment=environment or {}, file=file)
    return banner(Start(address=("127.0.0.1", 8000), settings=settings, **{"demo": True, **more}))


def test_demo_mode_is_labelled_and_has_a_line_to_copy():
    text = said(ofd_emulated=True, stand_ins=["  operator emulator: tcp 127.0.0.1:8002"])
    assert "http://127.0.0.1:8000" in text
    assert "NOT fiscal devices" in text
    assert "НЕ фискальные" in text
    assert "operator emulator" in text
    lines = text[text.index("  curl") :].split("\n  curl")[0]
    words = shlex.split(lines.replace("\\\n", " "))
    body = json.loads(words[words.index("-d") + 1])
    assert body["pos_id"] == "POS-001"
    assert "Authorization" not in text


def test_operator_that_replaces_the_emulator_is_named():
    assert "operator: relay ofd.example:7777" in said(
        environment={"OFD_HOST": "ofd.example", "OFD_PORT": "7777"}
    )
    over_http = {"OFD_TRANSPORT": "http", "OFD_BASE_URL": "https://ofd.example"}
    assert "operator: http https://ofd.example" in said(environment=over_http)


def test_off_loopback_the_line_to_copy_carries_a_token():
    text = said(environment={"KKT_HOST": "0.0.0.0"}, any_account=True)
    assert "token required" in text
    assert "accounts token add --pos POS-001" in text
    assert text.count("Authorization: Bearer $TOKEN") == 2


def test_configured_registers_are_shown_with_tills_operator_and_what_they_are(tmp_path: Path):
    file = tmp_path / "k.toml"
    file.write_text(
        'ofd_host = "ofd.example"\nofd_port = 7777\n'
        '[[register]]\nid = "KKT-1"\ndriver = "virtual"\npos_ids = ["A", "B"]\n'
        '[[register]]\nid = "KKT-2"\ndriver = "virtual"\nofd_port = 7778\n'
    )
    text = said(file=file, demo=False)
    assert "register KKT-1 (virtual, NOT a fiscal device / виртуальная, НЕ фискальная): A, B" in text
    assert "A, B -> relay ofd.example:7777" in text
    assert "KKT-2 -> relay ofd.example:7778" in text
    assert "DEMO" not in text


def test_closed_service_without_an_account_says_how_to_make_one():
    closed = {"KKT_HOST": "0.0.0.0"}
    assert "accounts add NAME --role admin" in said(environment=closed, any_account=False, demo=False)
    assert "accounts add" not in said(environment=closed, any_account=True, demo=False)
    assert "accounts add" not in said(any_account=False)


def test_password_of_the_first_admin_is_shown():
    assert "admin / s3cret  (shown once)" in said(first_admin=("admin", "s3cret"))


def test_a_default_cashier_without_a_surname_is_told(tmp_path):
    file = tmp_path / "kkt-adapter.toml"
    file.write_text('[[register]]\nid = "A"\ndriver = "virtual"\n', encoding="utf-8")
    assert "no surname" in said(file=file, demo=False)
    named = file.read_text(encoding="utf-8") + 'cashier = "Кассир Иванова А. А."\n'
    file.write_text(named, encoding="utf-8")
    assert "surname" not in said(file=file, demo=False)


def test_the_port_of_kkmserver_is_named_with_what_it_speaks():
    port = {"KKT_KKMSERVER_PORT": "5893"}
    tls = {"KKT_TLS_CERT": "cert.pem", "KKT_TLS_KEY": "cert.key"}
    assert "KkmServer: http://127.0.0.1:5893/Execute" in said(environment=port)
    assert "KkmServer: https://127.0.0.1:5893/Execute" in said(environment=port | tls)
    off = port | tls | {"KKT_KKMSERVER_TLS": "off"}
    assert "KkmServer: http://127.0.0.1:5893/Execute" in said(environment=off)
    assert "KkmServer" not in said()
