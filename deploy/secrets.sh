#!/bin/sh
# Makes the secrets that docker-compose.yml names, once; those that are there stay as they are.
#
# The folder is its owner's alone. The files in it are readable, because Docker hands them into
# containers as they are, and nobody in there is root.
set -eu
cd "$(dirname "$0")/.."

umask 077
mkdir -p secrets
chmod 700 secrets

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

# keep NAME VALUE : write it unless it is there.
keep() {
    if [ ! -s "secrets/$1" ]; then
        printf '%s' "$2" >"secrets/$1"
        chmod 444 "secrets/$1"
        echo "made secrets/$1"
    fi
}

keep secret_key "$(random)"
keep metrics_token "$(random)"
keep postgres_password "$(random)"
keep database_url "postgres://pulse:$(cat secrets/postgres_password)@postgres:5432/pulse"
