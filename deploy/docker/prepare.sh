#!/bin/sh
# Makes what deploy/docker/compose.yml needs before its first start; what is there already stays as it is.
set -eu
cd "$(dirname "$0")"
umask 077
mkdir -p secrets/prometheus
chmod 0755 secrets/prometheus   # Prometheus' own user reads in it; on this machine nobody gets past secrets/
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
[ -s secrets/postgres-password ] || random >secrets/postgres-password
[ -s secrets/grafana-password ] || random >secrets/grafana-password
[ -e secrets/prometheus/kkt-adapter-token ] || : >secrets/prometheus/kkt-adapter-token
chmod 0644 secrets/postgres-password secrets/grafana-password secrets/prometheus/kkt-adapter-token
if [ ! -e secrets/adapter.env ]; then
    password=$(cat secrets/postgres-password)
    auth=$(random)
    sed -e "s|kkt:PASSWORD@|kkt:$password@|" -e "s|^AUTH_SECRET=.*|AUTH_SECRET=$auth|" adapter.env.example >secrets/adapter.env
    echo "Put your operator into $(pwd)/secrets/adapter.env and your registers into $(pwd)/kkt-adapter.toml."
fi
