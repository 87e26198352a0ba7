"""TLS by certificate files. Renewed files are picked up within a minute, without a restart: connections that
are open keep the old certificate, new ones get the new one."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from kkt_adapter.kernel.errors import SettingsInvalid
from kkt_adapter.runtime.log import get_logger

LOOK_S = 20  # between two looks at the files

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """``cert``: the certificate and its chain, PEM; ``key``: the private key without a passphrase."""

    cert: Path
    key: Path

    def check(self) -> None:
        """Raises SettingsInvalid: the files cannot be used."""
        try:
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self)
        except (OSError, ValueError) as error:
            raise SettingsInvalid(
                f"tls_cert and tls_key cannot be used: {error}", f"tls_cert и tls_key не годятся: {error}"
            ) from error

    def stamp(self) -> Stamp | None:
        """What changes when the files do; None: one of them is not there now."""
        try:
            cert, key = self.cert.stat(), self.key.stat()
        except OSError:
            return None
        return cert.st_mtime_ns, cert.st_size, key.st_mtime_ns, key.st_size


class TlsRenewal:
    """Keeps one context at what the files hold. A pair that does not fit, as while it is being written, is
    looked at again."""

    def __init__(self, files: TlsFiles, context: ssl.SSLContext) -> None:
        self._files = files
        self._context = context
        self._loaded = files.stamp()
        self._complained: Stamp | None = None
        self._log = get_logger("tls")

    def look(self) -> bool:
        """True when a new certificate is served from now on."""
        stamp = self._files.stamp()
        if stamp is None or stamp == self._loaded:
            return False
        try:
            _load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self._files)  # never half a pair in the live one
            _load(self._context, self._files)
        except (OSError, ValueError) as error:
            if stamp != self._complained:
                self._log.warning("certificate_not_renewed", error=str(error))
            self._complained = stamp
            return False
        self._loaded = stamp
        self._log.info("certificate_renewed")
        return True


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    """Raises OSError (ssl.SSLError is one), ValueError: a key with a passphrase."""

    def no_passphrase() -> str:
        raise ValueError("the key has a passphrase")

    context.load_cert_chain(files.cert, files.key, password=no_passphrase)
