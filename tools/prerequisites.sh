#!/bin/sh
# Installs what the tests need beyond pip and npm, where that is allowed, and says what it does.
#
# Only Debian's apt-get, and only as root or with a sudo that asks no password. NO_APT=1 installs
# nothing. Nothing that is missing stops the run: the tests that need it are skipped, with reason.
set -eu

missing=
skipped=

# need PACKAGES CHECK… : note the packages, and the tests that go without, unless CHECK succeeds.
need() {
    packages=$1
    tests=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        missing="$missing $packages"
        skipped="$skipped
  without $packages: $tests"
    fi
}

browser() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

# Debian keeps Postgres's own programs out of PATH.
postgres() {
    command -v initdb && return
    for found in "${POSTGRESQL:-/usr/lib/postgresql}"/*/bin/initdb; do
        [ -x "$found" ] && return
    done
    return 1
}

need "chromium" "every test in a browser is skipped" browser
need "caddy" "the proxy of docker-compose.yml is not tried" command -v caddy
need "redis-server" "the second shape is not tested: every test of Redis is skipped" \
    command -v redis-server
need "postgresql" "the second shape is not tested: every test of Postgres is skipped" postgres
need "nodejs npm" "no assets, so nothing runs" command -v npm
need "python3-venv" "no virtual environment, so nothing runs" sh -c \
    '[ -x .venv/bin/python ] || "${PYTHON:-python3}" -c "import ensurepip, venv"'

[ -n "$missing" ] || exit 0

why_not=
if [ -n "${NO_APT:-}" ] && [ "${NO_APT:-}" != 0 ]; then
    why_not="NO_APT is set"
elif ! command -v apt-get >/dev/null; then
    why_not="there is no apt-get here"
elif [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    why_not="that needs root or a sudo without password"
fi

if [ -n "$why_not" ]; then
    echo "Not installed, because $why_not:$missing$skipped"
    echo "To install: sudo apt-get install$missing"
    exit 0
fi

# Debian starts a service as soon as it is installed, unless this file says no (101).
policy=${POLICY:-/usr/sbin/policy-rc.d}
echo "Installing for the tests, with apt-get (NO_APT=1 skips this):$missing"
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    trap '$as_root rm -f "$policy"' EXIT
fi
# Nor is a database made that nobody asked for; the tests make theirs in a temporary folder.
clusters=${CLUSTERS:-/etc/postgresql-common}
case "$missing" in
*postgresql*)
    if [ ! -e "$clusters/createcluster.conf" ]; then
        $as_root mkdir -p "$clusters"
        echo "create_main_cluster = false" | $as_root tee "$clusters/createcluster.conf" >/dev/null
    fi
    ;;
esac
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq || echo "apt-get update failed; trying with the lists at hand"
# shellcheck disable=SC2086  # the packages are words
if ! $as_root apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null; then
    echo "apt-get could not install them.$skipped"
fi
