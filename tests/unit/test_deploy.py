"""What ships under deploy/ to run the service: a unit that systemd takes, an image and a compose file that
fit the project."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from tests.support.deploy import DEPLOY, PROMETHEUS, ROOT, read_yaml

from kkt_adapter.cli.program import PARTS, load
from kkt_adapter.runtime.auth.secret import signing_secret
from kkt_adapter.settings import Settings, env_of, load_settings

UNIT = (DEPLOY / "systemd" / "kkt-adapter.service").read_text(encoding="utf-8")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    binary = shutil.which("systemd-analyze")
    if binary is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "kkt-adapter.service"
    unit.write_text(re.sub(r"(?m)^ExecStart=.*$", "ExecStart=/bin/true", UNIT))
    result = subprocess.run(
        [binary, "verify", str(unit)], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "kkt-adapter.service" not in result.stderr, result.stderr  # unknown keys are warnings


@pytest.mark.parametrize(
    "line",
    [
        "Type=notify", "Restart=always", "StartLimitIntervalSec=0", "NoNewPrivileges=yes",
        "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "CapabilityBoundingSet=",
        "StateDirectory=kkt-adapter", "StateDirectoryMode=0700", "UMask=0077",
        "SystemCallFilter=@system-service",
    ],
)  # fmt: skip
def test_the_unit_is_watched_and_hardened(line: str) -> None:
    assert line in UNIT.splitlines()


def test_the_unit_gives_a_stop_more_time_than_the_service_takes() -> None:
    seconds = int(re.search(r"(?m)^TimeoutStopSec=(\d+)s$", UNIT).group(1))  # type: ignore[union-attr]
    assert seconds > 10 + 10 + 2 + 2  # HTTP, services, cancelling, margin


def test_the_unit_sets_variables_that_exist() -> None:
    named = set(re.findall(r"(?m)^Environment=(\w+)=", UNIT))
    assert named <= {env_of(info) for info in Settings.model_fields.values()}


COMPOSE = read_yaml(DEPLOY / "docker" / "compose.yml")
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")


def test_the_preparation_makes_all_secrets_once(tmp_path: Path) -> None:
    folder = tmp_path / "docker"
    shutil.copytree(DEPLOY / "docker", folder, ignore=shutil.ignore_patterns("secrets"))
    prepare = ["sh", str(folder / "prepare.sh")]
    subprocess.run(prepare, check=True, capture_output=True)
    secrets = folder / "secrets"
    made = {
        path.relative_to(secrets).as_posix(): path.read_text()
        for path in secrets.rglob("*")
        if path.is_file()
    }
    assert {Path(one["file"]).name for one in COMPOSE["secrets"].values()} <= set(made)
    assert {"adapter.env", "prometheus/kkt-adapter-token"} <= set(made)
    values = dict(line.split("=", 1) for line in made["adapter.env"].splitlines() if line and line[0] != "#")
    assert made["postgres-password"] in values["DATABASE_URL"]
    assert signing_secret(values["AUTH_SECRET"], data_dir=tmp_path, dialect="postgresql")
    assert secrets.stat().st_mode & 0o077 == 0
    assert (secrets / "adapter.env").stat().st_mode & 0o077 == 0
    subprocess.run(prepare, check=True, capture_output=True)
    assert (secrets / "adapter.env").read_text() == made["adapter.env"], "what is there stays"


def test_logs_of_containers_do_not_fill_the_disk() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name


def test_compose_brings_everything_around_the_adapter() -> None:
    assert set(COMPOSE["services"]) == {"adapter", "postgres", "redis", "prometheus", "grafana"}


def test_compose_uses_only_what_it_declares_and_what_ships() -> None:
    for name, service in COMPOSE["services"].items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if not source.startswith("."):
                assert source in COMPOSE["volumes"], (name, mount)
            elif "/secrets/" not in source:
                assert (DEPLOY / "docker" / source).exists(), (name, mount)
        for secret in service.get("secrets", ()):
            assert secret in COMPOSE["secrets"]
        for other in service.get("depends_on", ()):
            assert other in COMPOSE["services"]
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), f"{name} would be open to the network"


def test_compose_and_image_set_variables_that_exist() -> None:
    known = {env_of(info) for info in Settings.model_fields.values()} | {"KKT_CONFIG"}
    given = set(COMPOSE["services"]["adapter"]["environment"])
    given |= set(re.findall(r"\b(KKT_\w+)=", DOCKERFILE))
    assert given <= known


def test_the_example_configuration_of_compose_can_be_loaded() -> None:
    file = DEPLOY / "docker" / "kkt-adapter.toml"
    assert tomllib.loads(file.read_text(encoding="utf-8"))["register"]
    environment = {
        "KKT_HOST": "0.0.0.0",
        "DATABASE_URL": "postgresql://kkt:secret@postgres/kkt",
        "OFD_HOST": "ofd.example",
        "OFD_PORT": "7777",
        **COMPOSE["services"]["adapter"]["environment"],
    }
    settings = load_settings(environment=environment, file=file)
    assert not settings.auth_open  # nobody gets in without a token
    assert settings.redis == "redis://redis:6379/0"


def test_the_image_copies_what_is_there_and_runs_without_rights() -> None:
    instructions = [line.split(maxsplit=1) for line in DOCKERFILE.splitlines() if re.match(r"[A-Z]+ ", line)]
    assert {word for word, _ in instructions} <= {
        "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK",
        "ENTRYPOINT",
    }  # fmt: skip
    for word, rest in instructions:
        if word == "COPY" and "--from" not in rest:
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    users = [rest for word, rest in instructions if word == "USER"]
    assert users == ["kkt-adapter"]


ADAPTER = COMPOSE["services"]["adapter"]
ENV = dict(re.findall(r"\b(KKT_\w+)=(\S+)", DOCKERFILE))


def instruction(word: str) -> list[str]:
    joined = DOCKERFILE.replace("\\\n", " ")
    return [line.split(maxsplit=1)[1] for line in joined.splitlines() if line.startswith(word + " ")]


def mounts(service: str) -> dict[str, str]:
    """What is mounted where: target by source."""
    return {m.split(":")[0]: m.split(":")[1] for m in COMPOSE["services"][service].get("volumes", ())}


def test_one_port_runs_through_image_compose_and_prometheus() -> None:
    port = ENV["KKT_PORT"]
    assert instruction("EXPOSE") == [port]
    assert instruction("HEALTHCHECK")[0].endswith('CMD ["python", "/opt/kkt-adapter/health.py"]')
    assert "deploy/docker/health.py /opt/kkt-adapter/health.py" in instruction("COPY")
    assert ADAPTER["ports"] == [f"127.0.0.1:{port}:{Settings.model_fields['port'].default}"]
    (scrape,) = read_yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    assert scrape["static_configs"] == [{"targets": [f"adapter:{port}"]}]
    assert "adapter" in ADAPTER["environment"]["KKT_ALLOWED_HOSTS"].split(",")  # the name it is called by


def test_the_data_directory_is_the_volume() -> None:
    folder = ENV["KKT_DATA_DIR"]
    assert instruction("VOLUME") == [folder]
    assert mounts("adapter")["adapter-data"] == folder
    assert f"-o kkt-adapter -g kkt-adapter {folder}" in DOCKERFILE
    assert f"Environment=KKT_DATA_DIR={folder}" in UNIT
    assert f"StateDirectory={Path(folder).name}" in UNIT  # below /var/lib
    assert ADAPTER["read_only"] is True  # nothing else is written


def test_what_is_mounted_is_where_it_is_looked_for() -> None:
    assert mounts("adapter")["./kkt-adapter.toml"] == ADAPTER["environment"]["KKT_CONFIG"]
    given = mounts("prometheus")
    (scrape,) = read_yaml(PROMETHEUS / "prometheus.yml")["scrape_configs"]
    token = Path(scrape["authorization"]["credentials_file"])
    assert given["./secrets/prometheus"] == str(token.parent)
    config = Path(given["../prometheus/prometheus.yml"])
    assert f"--config.file={config}" in COMPOSE["services"]["prometheus"]["command"]
    assert [Path(given["../prometheus/rules.yml"])] == [
        config.parent / name for name in read_yaml(PROMETHEUS / "prometheus.yml")["rule_files"]
    ]
    provisioning = DEPLOY / "grafana" / "provisioning"
    (provider,) = read_yaml(provisioning / "dashboards" / "kkt-adapter.yml")["providers"]
    dashboard = Path(mounts("grafana")["../grafana/dashboard.json"])
    assert str(dashboard.parent) == provider["options"]["path"]
    (source,) = read_yaml(provisioning / "datasources" / "prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_the_image_installs_what_compose_needs_and_starts_what_exists() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (started,) = instruction("ENTRYPOINT")
    program, command = json.loads(started)
    assert program in extras["scripts"]
    assert command in PARTS
    (unit,) = re.findall(r"(?m)^ExecStart=(.+)$", UNIT)
    path, command, *rest = unit.split()
    assert Path(path).name in extras["scripts"]
    options = {name for one in load(command).params for name in one.opts}
    assert set(re.findall(r"--[a-z-]+", " ".join(rest))) <= options
    assert program == Path(path).name


def test_a_stop_in_a_container_has_as_long_as_under_systemd() -> None:
    assert f"TimeoutStopSec={ADAPTER['stop_grace_period']}" in UNIT


def test_systemd_rates_the_unit_as_safe() -> None:
    binary = shutil.which("systemd-analyze")
    if binary is None:
        pytest.skip("systemd-analyze is not installed")
    result = subprocess.run(
        [binary, "security", "--offline=true", "--threshold=25", str(DEPLOY / "systemd/kkt-adapter.service")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "unrecognized option" in result.stderr:
        pytest.skip("this systemd-analyze rates no files")
    assert result.returncode == 0, result.stdout  # at most 2.5 of 10
