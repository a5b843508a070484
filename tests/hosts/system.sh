#!/usr/bin/env bash
# Install the Debian packages that the test hosts need, where they are missing. Usage: system.sh PYTHON
set -euo pipefail
python=$1

"$python" - <<'CHECK'
import sys
if sys.version_info < (3, 11):
    sys.exit("Python 3.11 or newer is needed, and this is %d.%d. Name another: make PYTHON=python3.11 ..."
             % sys.version_info[:2])
CHECK

missing=()
need() { # COMMAND PACKAGE...
    command -v "$1" > /dev/null || missing+=("${@:2}")
}
# iptables: podman's networks are made with it, though its package only suggests it.
PATH=$PATH:/usr/sbin:/sbin
need podman podman
need runc runc
need iptables iptables
need mmdebstrap mmdebstrap
need ssh openssh-client
need git git
need curl curl
# ansible-test checks scripts with it.
need shellcheck shellcheck
# Debian keeps the part of Python that makes virtual environments apart.
"$python" -c 'import ensurepip' 2> /dev/null || missing+=(python3-venv)
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get > /dev/null; then
    echo "Install what does the work of these Debian packages: ${missing[*]}" >&2
    exit 1
fi
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
echo "Installing ${missing[*]} ..."
"${root[@]}" apt-get update -q > /dev/null
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y "${missing[@]}" > /dev/null
