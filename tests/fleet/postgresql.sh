#!/bin/sh
# Brings PostgreSQL to this machine, and private servers for the tests marked `postgresql`.
#
#   postgresql.sh install            the package, with apt-get, as root or by sudo without a password
#   postgresql.sh programs           the folder of its programs; fails where there is none
#   postgresql.sh create DIR         a cluster in DIR, which must not be there yet
#   postgresql.sh start DIR PORT     its server on 127.0.0.1, without sockets in the file system; its log is DIR/log
#   postgresql.sh kill DIR           as if its machine had lost power, but for what the disk has
#   postgresql.sh stop DIR
#
# The superuser is `postgres`, without a password. A server refuses to run as root: then it runs as the user `postgres`.
set -eu

programs() {
    on_path=$(command -v initdb || true)
    for place in "${on_path%/initdb}" /usr/pgsql-*/bin /usr/lib/postgresql/*/bin; do
        if [ -x "$place/initdb" ] && [ -x "$place/pg_dumpall" ]; then found=$place; fi
    done
    [ -n "${found:-}" ] || { echo "PostgreSQL is not installed: run \`tests/fleet/postgresql.sh install\`" >&2; exit 1; }
    echo "$found"
}

install() {
    if (programs) >/dev/null 2>&1; then
        echo "PostgreSQL is installed"
        return
    fi
    command -v apt-get >/dev/null || { echo "no apt-get here: install PostgreSQL 14 or newer" >&2; exit 1; }
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root="sudo -n"
        $as_root true || { echo "installing needs root, or sudo without a password" >&2; exit 1; }
    fi
    # Debian makes and starts a cluster when the package is installed; this file forbids it.
    $as_root mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" | $as_root tee /etc/postgresql-common/createcluster.d/telephony.conf >/dev/null
    $as_root apt-get update
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql
}

as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && exec setpriv --reuid=postgres --regid=postgres --init-groups "$@")
    else
        "$@"
    fi
}

create() {
    mkdir -m 700 "$1"
    if [ "$(id -u)" -eq 0 ]; then chown postgres:postgres "$1"; fi
    as_server "$bin/initdb" -D "$1/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >/dev/null
    # What a killed server has written, the operating system has: only a power cut would need the disk to have it.
    printf '%s\n' "listen_addresses = '127.0.0.1'" "unix_socket_directories = ''" "fsync = off" \
        "max_connections = 200" "shared_buffers = 32MB" | as_server tee -a "$1/data/postgresql.conf" >/dev/null
}

start() {
    # After a kill the old server's children hold the shared memory for a moment.
    left=50
    until as_server "$bin/pg_ctl" -D "$1/data" -l "$1/log" -o "-p $2" -w -t 30 start >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "PostgreSQL does not start; its log is $1/log" >&2; exit 1; }
        sleep 0.1
    done
}

kill_server() {
    process=$(as_server head -n 1 "$1/data/postmaster.pid")
    children=$(ps -o pid= --ppid "$process" || true)
    as_server kill -9 "$process" $children 2>/dev/null || true
}

stop() {
    [ -d "$1/data" ] || return 0
    as_server "$bin/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1 || true
}

case ${1:-} in
    install) install ;;
    programs) programs ;;
    create | start | kill | stop)
        bin=$(programs)
        case $1 in
            create) create "$2" ;;
            start) start "$2" "$3" ;;
            kill) kill_server "$2" ;;
            stop) stop "$2" ;;
        esac
        ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
