#!/bin/sh
# Makes .venv with a Python that is new enough; leaves a working one alone.
set -eu

usable() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2])' >/dev/null 2>&1
}

if [ -x .venv/bin/python ] && usable .venv/bin/python; then
    exit 0
fi

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if ! usable "$python"; then
        continue
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        echo "$python has no venv module. Install it, on Debian: sudo apt-get install python3-venv" >&2
        exit 1
    fi
    echo "Making .venv with $("$python" --version)"
    exec "$python" -m venv --clear .venv
done

echo "Python 3.11 or newer is needed; found: $(python3 --version 2>&1 || echo none)." >&2
echo "Install one, or name it: make run PYTHON=/path/to/python3" >&2
exit 1
