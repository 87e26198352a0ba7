"""A till: sell, survive a crash between the sale and its answer, print the slip.

    python till.py http://127.0.0.1:8000 POS-001 "Чай" 19.99

The sale is written down with its key before the call. Whatever happens then, a repeated start sends the same
sale with the same key, and the service prints it once.
"""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

from kkt_adapter.client import ApiError, Client, NoAnswer

OPEN_SALE = Path("open-sale.json")


def open_sale(pos_id: str, name: str, price: str) -> dict[str, Any]:
    """The sale that has no answer yet; without one, a new one, which is on disk from now on."""
    if not OPEN_SALE.exists():
        items = [{"name": name, "price": price, "quantity": 1}]
        body = {
            "pos_id": pos_id,
            "type": "sale",
            "items": items,
            "payments": [{"type": "cash", "amount": price}],
        }
        OPEN_SALE.write_text(json.dumps({"key": str(uuid4()), "body": body}))
    sale: dict[str, Any] = json.loads(OPEN_SALE.read_text())
    return sale


def main(url: str, pos_id: str, name: str, price: str) -> int:
    sale = open_sale(pos_id, name, price)
    with Client(url) as client:
        try:
            accepted = client.receipts.accept_receipt(sale["body"], key=sale["key"])
        except NoAnswer as error:
            print(f"Нет ответа ({error}). Повторите: чек не задвоится.")
            return 2
        except ApiError as refused:
            print(f"Отказ: {refused.detail}")
            OPEN_SALE.unlink()  # nothing was stored; the next sale is another one
            return 1
        OPEN_SALE.unlink()
        print(accepted["message"])
        if accepted["status"] == "printed":
            print(client.receipts.slip(accepted["receipt_id"]))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
