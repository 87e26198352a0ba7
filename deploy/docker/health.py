"""Is the service in this container healthy? Exit code 0 or 1, for HEALTHCHECK.

It asks /health at the port of KKT_PORT: by https where a certificate is set, by KKT_TLS_CERT or by tls_cert
of the settings file. The certificate is not verified: the service is asked by its loopback address.
"""

import os
import ssl
import sys
import tomllib
import urllib.request
from pathlib import Path

WITHIN_S = 2
CONFIG_FILE = "kkt-adapter.toml"


def main() -> int:
    told = _file()
    tls = os.environ.get("KKT_TLS_CERT") or told.get("tls_cert")
    port = os.environ.get("KKT_PORT") or told.get("port") or 8000
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    try:
        urllib.request.urlopen(  # noqa: S310 - loopback
            f"{'https' if tls else 'http'}://127.0.0.1:{port}/health", timeout=WITHIN_S, context=unverified
        ).close()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _file() -> dict[str, object]:
    """The settings file, as the service finds it; empty where there is none or it cannot be read."""
    try:
        with Path(os.environ.get("KKT_CONFIG") or CONFIG_FILE).open("rb") as file:
            return tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError):
        return {}


if __name__ == "__main__":
    sys.exit(main())
