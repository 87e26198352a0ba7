"""``doors``: sales through the doors and reports about them, beside native POSTs at the same load.

One product for all of a round, and the same tills: both figures of a ratio come from the same moment of the
machine. A native POST and an Execute answer when the document is there, a registration when it is stored.
"""

import base64
import json
import shutil
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from bench.load import KEY_CHARACTERS, NATIVE, Asked, InvalidRun, Wanted, body, run
from bench.method import Method
from bench.processes import Server, product, till_name
from bench.report import Report, Target
from bench.shim import Shim

TILLS = 8
PRINTED_S = 20.0
LOGIN, SECRET = "bench", "a secret of the bench"
BASIC = base64.b64encode(f"{LOGIN}:{SECRET}".encode()).decode()
STAMP = "29.11.2026 12:00:00"


def measure(method: Method, report: Report, shim: Shim | None, say: Callable[[str], None]) -> None:
    found: dict[str, list[float]] = {}
    processor: dict[str, list[float]] = {}
    wanted = Wanted(connections=TILLS, warm_up_s=method.warm_up_s, measured_s=method.measured_s)
    for number in range(1, method.rounds + 1):
        folder = method.folder / "doors"
        shutil.rmtree(folder, ignore_errors=True)
        with product(folder, TILLS, more=_shop()) as server:
            run(server.port, wanted)  # caches are filled, shifts are open
            for name, asked in _asked(server).items():
                _until_printed(server)  # what was registered last prints on: the next one has the machine
                say(f"doors, round {number} of {method.rounds}: {name}")
                outcome = run(server.port, wanted, processor_s=server.processor_s, asked=asked)
                found.setdefault(name, []).append(outcome.latency(0.5) * 1000)
                processor.setdefault(name, []).append(outcome.processor_ms)
    for name, medians in found.items():
        report.note(f"doors: p50 of {name}, c={TILLS}", "ms", medians)
        report.note(f"doors: {name}, c={TILLS}, processor", "ms", processor[name])
    for row, name in (("41", "Execute"), ("42", "report")):
        report.add(
            Target(row=row, what=f"p50 of {name} / of a native POST, c={TILLS}", must=1.2, at_least=False),
            (door / native for door, native in zip(found[name], found["a native POST"], strict=True)),
        )


def _asked(server: Server) -> dict[str, Asked]:
    token = _call(server.port, "/v5/getToken", {"login": LOGIN, "pass": SECRET})["token"]
    units = _call(server.port, "/Execute", {"Command": "List"}, basic=BASIC)["ListUnit"]
    device = {unit["UnitName"]: unit for unit in units}
    bodies = [sale(device[till_name(till)]["INN"]) for till in range(TILLS)]
    printed = [_printed(server.port, till, token, bodies[till]) for till in range(TILLS)]

    def execute(till: int, port: int) -> bytes:
        return _request(port, "/Execute", command(till, device[till_name(till)]["NumDevice"]), basic=BASIC)

    def register(till: int, port: int) -> bytes:
        return _request(port, f"/v5/{till_name(till)}/sell", bodies[till], token=token)

    def report(till: int, port: int) -> bytes:
        path = f"/v5/{till_name(till)}/report/{printed[till]}"
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nToken: {token}\r\n\r\n".encode()

    return {
        "a native POST": NATIVE,
        "Execute": Asked(request=execute, done=b'"Status":0'),
        "a registration": Asked(request=register, done=b'"status":"wait"'),
        "report": Asked(request=report, done=b'"status":"done"', keyed=False),
    }


def _until_printed(server: Server) -> None:
    """Raises InvalidRun."""
    until = time.monotonic() + PRINTED_S
    while server.get("/v1/kkt/buffer/status")["unprinted"]:
        if time.monotonic() > until:
            raise InvalidRun(f"receipts wait for their registers after {PRINTED_S:.0f} s")
        time.sleep(0.02)


def _shop() -> str:
    tills = ", ".join(f'"{till_name(till)}"' for till in range(TILLS))
    return f'\n[[shop]]\nid = "bench"\nlogin = "{LOGIN}"\nsecret = "{SECRET}"\ngroups = [{tills}]\n'


def command(till: int, device: int) -> dict[str, Any]:
    """A RegisterCheck of the receipt that the native load posts; %s stands for its IdCommand."""
    native = json.loads(body(till))
    (item,) = native["items"]
    line = {"Name": item["name"], "Quantity": 1, "Price": item["price"], "Amount": item["price"]}
    return {
        "Command": "RegisterCheck",
        "NumDevice": device,
        "IdCommand": "%s",
        "TypeCheck": 0,
        "Cash": item["price"],
        "CheckStrings": [{"Register": line}],
    }


def sale(inn: str) -> dict[str, Any]:
    """The same receipt for ATOL Online; %s stands for its external_id."""
    item = {
        "name": "Test", "price": 100, "quantity": 1, "sum": 100, "measure": 0,
        "payment_method": "full_payment", "payment_object": 1, "vat": {"type": "none"},
    }  # fmt: skip
    receipt = {
        "client": {"email": "buyer@example.com"},
        "company": {"email": "shop@example.com", "inn": inn, "payment_address": "https://shop.example"},
        "items": [item],
        "payments": [{"type": 0, "sum": 100}],
        "total": 100,
    }
    return {"external_id": "%s", "timestamp": STAMP, "receipt": receipt}


def _request(port: int, path: str, document: Any, *, token: str = "", basic: str = "") -> bytes:
    """With %s where the key belongs."""
    content = json.dumps(document, separators=(",", ":")).encode()
    size = len(content) - len("%s") + KEY_CHARACTERS
    signed = f"Token: {token}" if token else f"Authorization: Basic {basic}"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"{signed}\r\nContent-Length: {size}\r\n\r\n"
    )
    return head.encode() + content


def _printed(port: int, till: int, token: str, document: dict[str, Any]) -> str:
    """The uuid of a document that is printed. Raises InvalidRun."""
    first = document | {"external_id": f"printed before the load {till}"}
    uuid = str(_call(port, f"/v5/{till_name(till)}/sell", first, token=token)["uuid"])
    until = time.monotonic() + PRINTED_S
    while _call(port, f"/v5/{till_name(till)}/report/{uuid}", None, token=token)["status"] != "done":
        if time.monotonic() > until:
            raise InvalidRun(f"{till_name(till)} printed nothing within {PRINTED_S:.0f} s")
        time.sleep(0.02)
    return uuid


def _call(
    port: int, path: str, document: dict[str, Any] | None, *, token: str = "", basic: str = ""
) -> dict[str, Any]:
    content = None if document is None else json.dumps(document).encode()
    headers = {"Content-Type": "application/json"} | ({"Token": token} if token else {})
    headers |= {"Authorization": f"Basic {basic}"} if basic else {}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=content, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found
