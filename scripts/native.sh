#!/bin/sh
# Brings PostgreSQL and Redis server programs for the tests, which start their own private ones, promtool,
# which checks the alert rules, php, which checks the handler for Bitrix, and Chromium,
# in which the pages are tried.
# As root with apt it installs them; otherwise it says what to install. Tests that need a missing
# program skip, except under CI, where they fail.
set -u
missing=""
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
command -v promtool >/dev/null 2>&1 || missing="$missing prometheus"
command -v php >/dev/null 2>&1 || missing="$missing php-cli"
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    # No server is started by the packages: the tests run their own.
    policy=/usr/sbin/policy-rc.d
    made=""
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && made=yes
    fi
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null
    status=$?
    [ -n "$made" ] && rm -f "$policy"
    [ "$status" = 0 ] && exit 0
fi
echo "For all tests install:$missing (Debian: apt-get install$missing). Without them their tests are skipped."
[ -z "${CI:-}" ]
