#!/bin/sh
# Brings a real SIP server (kamailio) and a SIP test tool (sipp) to this machine, for the tests marked `kamailio`.
#
#   kamailio.sh install                        packages, with apt-get, as root or by sudo without a password
#   kamailio.sh start DIR PORT TLS_PORT ALG    a server on loopback, its files in DIR; ALG is MD5 or SHA-256
#   kamailio.sh stop DIR
#
# The user is `vox`, the password `s3cret`. DIR/cert.pem is the authority for the server's TLS.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

install() {
    if command -v kamailio >/dev/null && command -v sipp >/dev/null && command -v openssl >/dev/null; then
        echo "kamailio and sipp are installed"
        return
    fi
    command -v apt-get >/dev/null || { echo "no apt-get here: install kamailio, its TLS module and sipp" >&2; exit 1; }
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root="sudo -n"
        $as_root true || { echo "installing needs root, or sudo without a password" >&2; exit 1; }
    fi
    # Debian starts a daemon when its package is installed; exit code 101 of this file forbids it.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
        $as_root chmod +x "$policy"
        trap '$as_root rm -f "$policy"' EXIT
    fi
    $as_root apt-get update
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        kamailio kamailio-tls-modules sip-tester openssl
}

start() {
    run=$1 port=$2 tls_port=$3 algorithm=$4
    modules=
    for place in /usr/lib/*/kamailio/modules /usr/lib/kamailio/modules /usr/lib64/kamailio/modules; do
        if [ -e "$place/tls.so" ]; then modules=$place; fi
    done
    [ -n "$modules" ] || { echo "the TLS module of kamailio is not installed" >&2; exit 1; }
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout "$run/key.pem" -out "$run/cert.pem" -subj /CN=localhost \
        -addext "keyUsage=critical,digitalSignature,keyCertSign" -addext "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1" 2>/dev/null
    sed -e "s|@MODULES@|$modules/|" -e "s|@RUN@|$run|" -e "s|@PORT@|$port|" -e "s|@TLS_PORT@|$tls_port|" \
        -e "s|@ALGORITHM@|$algorithm|" "$here/kamailio.cfg" >"$run/kamailio.cfg"
    if [ -e /proc/net/if_inet6 ] && grep -q '^00000000000000000000000000000001' /proc/net/if_inet6; then
        set -- -A WITH_IPV6
    else
        set --
    fi
    kamailio -f "$run/kamailio.cfg" -DD -E -m 32 -M 8 -Y "$run" -P "$run/kamailio.pid" "$@" >"$run/kamailio.log" 2>&1 &
}

stop() {
    [ -e "$1/kamailio.pid" ] || return 0
    process=$(cat "$1/kamailio.pid")
    kill "$process" 2>/dev/null || return 0
    left=100
    while kill -0 "$process" 2>/dev/null; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "kamailio does not end; its log is in $1" >&2; exit 1; }
        sleep 0.1
    done
}

case ${1:-} in
    install) install ;;
    start) start "$2" "$3" "$4" "$5" ;;
    stop) stop "$2" ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
