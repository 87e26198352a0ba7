"""``kkt-adapter sandbox``: a whole shop to try, with accounts for both doors, on virtual registers.

It reads no configuration, keeps its data apart, and never touches a shop's.
"""

import asyncio
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

GROUP = "main"
MARKER = "SANDBOX"  # in its data directory
LOOPBACK_SECRET = "sandbox-secret-0001"  # noqa: S105 - of a service that only this machine reaches
CALLED_BACK = ("localhost", "127.0.0.1")  # callbacks that stay on this machine


def sandbox(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port; 0 takes a free one")] = 8000,
    data_dir: Annotated[Path, typer.Option(help="its own data directory")] = Path("var-sandbox"),
    callbacks: Annotated[bool, typer.Option("--callbacks", help="callbacks may leave this machine")] = False,
) -> None:
    """Try everything: shop accounts for ATOL Online and KkmServer, virtual registers, fault buttons."""
    import uvloop

    from kkt_adapter.cli.service.serve import run_service, say_why
    from kkt_adapter.kernel.errors import AdapterError
    from kkt_adapter.runtime.log import LogFormat, configure_logging
    from kkt_adapter.runtime.log_lines import STDERR, LogLines

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lines = LogLines(STDERR)
    try:
        claim(data_dir)
        settings = sandbox_settings(host=host, port=port, data_dir=data_dir, callbacks=callbacks)
        configure_logging(level="WARNING", log_format=LogFormat.AUTO, stream=lines)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run_service(settings, demo=True, more=hints(settings)))
    except AdapterError as error:
        say_why(error)
        raise typer.Exit(2) from None
    finally:
        lines.close()


def claim(data_dir: Path) -> None:
    """Make the directory a sandbox's.

    Raises:
        SettingsInvalid: something else is in it.
    """
    from kkt_adapter.kernel.errors import SettingsInvalid

    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        marker = data_dir / MARKER
        if marker.exists():
            return
        if any(data_dir.iterdir()):
            raise SettingsInvalid(
                f"{data_dir} holds data that are not a sandbox's. Choose another --data-dir.",
                f"В {data_dir} лежат данные не песочницы. Укажите другой --data-dir.",
            )
        marker.write_text("kkt-adapter sandbox\n", encoding="ascii")
    except OSError as error:
        raise SettingsInvalid(f"{data_dir}: {error.strerror}", f"{data_dir}: {error.strerror}") from error


def sandbox_settings(*, host: str, port: int, data_dir: Path, callbacks: bool) -> Any:
    """One group of two registers and one shop for each door. No file and no variable is read."""
    import secrets

    from pydantic import SecretStr

    from kkt_adapter.fiscal.kkt.virtual.identity import SELLER_INN
    from kkt_adapter.kernel.addresses import is_loopback
    from kkt_adapter.settings import GroupSettings, RegisterSettings, Settings, ShopSettings

    here = is_loopback(host)
    secret = SecretStr(LOOPBACK_SECRET if here else secrets.token_urlsafe(18))
    called = () if callbacks else CALLED_BACK
    return Settings(
        host=host,
        port=port,
        data_dir=data_dir,
        registers=tuple(
            RegisterSettings(
                id=name,
                driver="virtual",
                pos_ids=(till,),
                user_inn=SELLER_INN,
                cashier="Кассир Иванова А. А.",
                marked_goods=True,
            )
            for name, till in (("K1", "POS-001"), ("K2", "POS-002"))
        ),
        group=(GroupSettings(id=GROUP, registers=("K1", "K2")),),
        shop=(
            _shop(ShopSettings, "web", "atol-online", secret, called),
            _shop(ShopSettings, "till", "kkmserver", secret, called, anonymous=here),
        ),
    )


def _shop(
    kind: Any, name: str, door: str, secret: Any, called: tuple[str, ...], *, anonymous: bool = False
) -> Any:
    return kind(
        id=name,
        login=name,
        secret=secret,
        groups=(GROUP,),
        doors=(door,),
        convert=True,
        callback_hosts=called,
        anonymous=anonymous,
    )


def hints(settings: Any) -> Any:
    """Lines of the banner, for the address that was found."""

    def lines(base: str) -> list[str]:
        secret = settings.shop[0].secret.get_secret_value()
        none = ", or none / или без пароля" if settings.shop[1].anonymous else ""
        return [
            f"  SANDBOX / ПЕСОЧНИЦА: group {GROUP} of K1 and K2, INN {settings.registers[0].user_inn}",
            f"  ATOL Online: {base}/possystem/v4 and /v5, login web, password {secret}, group {GROUP}",
            f"  KkmServer: {base}/Execute, user till, password {secret}{none}",
            f"  fault buttons and clock / кнопки неисправностей и часы: {base}/sandbox/",
        ]

    return lines
