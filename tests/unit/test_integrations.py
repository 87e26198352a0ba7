"""What we ship for other programs: its syntax, and that it says what the guide says."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HANDLER = ROOT / "integrations" / "bitrix" / "kktadapter.php"


def php() -> str:
    found = shutil.which("php")
    if found is None and not os.environ.get("CI"):
        pytest.skip("php-cli is not installed: make native")
    assert found is not None, "php-cli is missing: make native"
    return found


def test_the_handler_of_bitrix_is_php() -> None:
    done = subprocess.run([php(), "-l", HANDLER], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_handler_of_bitrix_changes_the_address_of_the_built_in_one(tmp_path: Path) -> None:
    """Against stand-ins for the four classes of Bitrix that it names."""
    stage = tmp_path / "stage.php"
    stage.write_text(
        """<?php
namespace Bitrix\\Main {
    class EventResult { const SUCCESS = 1; public $p; function __construct($t, $p) { $this->p = $p; } }
    class EventManager {
        public static $handlers = [];
        static function getInstance() { return new self(); }
        function addEventHandler($m, $e, $h) { self::$handlers["$m.$e"] = $h; }
    }
    class Loader { static function includeModule($m) { return $m === 'sale'; } }
}
namespace Bitrix\\Sale\\Cashbox {
    class CashboxAtolFarmV5 {
        const SERVICE_URL = 'https://online.atol.ru/possystem/v5';
        static function url() { return static::SERVICE_URL; }
    }
}
namespace {
    define('KKT_ADAPTER_URL', 'https://kkt.example.ru');
    require $argv[1];
    $found = (\\Bitrix\\Main\\EventManager::$handlers['sale.OnGetCustomCashboxHandlers'])();
    echo json_encode([CashboxKktAdapter::url(), CashboxKktAdapter::getName(), array_keys($found->p)],
        JSON_UNESCAPED_SLASHES);
}
""",
        encoding="utf-8",
    )
    done = subprocess.run([php(), stage, HANDLER], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == '["https://kkt.example.ru/possystem/v5","kkt-adapter",["\\\\CashboxKktAdapter"]]'


@pytest.mark.parametrize("page", ["docs/how-to/connect-a-shop.md", "docs/ru/connect-a-shop.md"])
def test_the_guides_name_the_one_setting_of_each_client(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for setting in (
        "RECEIPTS_ATOL_BASE_URL",
        "KKT_ADAPTER_URL",
        "kktadapter.php",
        "duplicate_http",
        "convert",
    ):
        assert setting in text
