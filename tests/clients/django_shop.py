"""A Django shop with django-atol as it is: only its settings are ours. Run by ``test_django_atol.py``.

argv: base address, login, password, group, INN. Standard output: one JSON line of what it got.
"""

import json
import sys
import time
from typing import Any

from django.conf import settings

BASE, LOGIN, PASSWORD, GROUP, INN = sys.argv[1:6]

settings.configure(
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    RECEIPTS_ATOL_BASE_URL=BASE,
    RECEIPTS_ATOL_LOGIN=LOGIN,
    RECEIPTS_ATOL_PASSWORD=PASSWORD,
    RECEIPTS_ATOL_GROUP_CODE=GROUP,
    RECEIPTS_ATOL_COMPANY_EMAIL="shop@example.com",
    RECEIPTS_ATOL_TAX_SYSTEM="osn",
    RECEIPTS_ATOL_TAX_NAME="vat20",
    RECEIPTS_ATOL_INN=INN,
    RECEIPTS_ATOL_PAYMENT_METHOD="full_payment",
    RECEIPTS_ATOL_PAYMENT_OBJECT="service",
    RECEIPTS_ATOL_PAYMENT_ADDRESS="https://shop.example",
    RECEIPTS_ATOL_CALLBACK_URL=None,
)

from atol.core import AtolAPI  # noqa: E402 - it reads the settings
from atol.exceptions import AtolRecoverableError  # noqa: E402

PATIENCE_S = 60.0


def again(call: Any, **params: Any) -> tuple[Any, int]:
    """As its Celery task does it: with the same arguments, after every error that it calls recoverable."""
    until, errors = time.monotonic() + PATIENCE_S, 0
    while True:
        try:
            return call(**params), errors
        except AtolRecoverableError:
            errors += 1
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def main() -> None:
    atol = AtolAPI()
    sale = {
        "timestamp": "2026-11-29 12:00:00",
        "transaction_uuid": "order-1",
        "purchase_name": "Подписка",
        "purchase_price": "199.99",
        "user_email": "buyer@example.com",
        "user_phone": "89161234567",
    }
    first, lost = again(atol.sell, **sale)
    told, polls = again(atol.report, receipt_uuid=first.uuid)
    payload = told.data["payload"]
    refund = sale | {
        "transaction_uuid": "refund-1",
        "original_fiscal_number": payload["fiscal_document_attribute"],
    }
    second, _ = again(atol.sell_refund, **refund)
    refunded, _ = again(atol.report, receipt_uuid=second.uuid)
    result = {
        "lost": lost,
        "polls": polls,
        "sold": [first.uuid, payload],
        "refunded": [second.uuid, refunded.data["payload"]],
        "repeated": again(atol.sell, **sale)[0].uuid,
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
