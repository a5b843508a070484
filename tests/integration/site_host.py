# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A provisioned host as the tests see it: what serves, what lies around, and load on it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reference_app.generator import Result
from reference_app.load import Load
from testhosts import Host

# Back to what provision left; virtual environments and the mirror of the repository stay, as they are slow to make.
RESET = r"""
set -e
systemctl stop --no-block 'aiblock*'
systemctl kill --signal=KILL 'aiblock*' 2>/dev/null || true
systemctl stop 'aiblock*'
systemctl reset-failed
cd /srv/blyan && rm -rf releases records slots current live.sock
rm -rf /etc/blyan/slots/* /etc/blyan/slots.json /etc/blyan/master_key.env /etc/tmpfiles.d/aiblock.conf
find /etc/systemd/system -name 'aiblock*' -delete
find /var/lib/blyan-ops -mindepth 1 -delete
rm -rf /usr/local/lib/blyan-ops /run/aiblock /run/blyan-ops
systemctl daemon-reload
runuser -u postgres -- psql --quiet --dbname=blyandb \
  --command='DROP TABLE IF EXISTS schema_migrations, api_keys, usage, payments'
"""

# Any write to a file changes its inode's ctime, so the listing tells what a hash of contents would, and more.
# Of /tmp itself only what is in it counts: what is there while a module runs is gone when it ends.
FILES = r"""
find / /run /tmp -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /var/log -o -path /var/lib/postgresql \
  -o -path /var/lib/redis -o -path /run/log -o -path /run/systemd -o -path /run/postgresql \) -prune \
  -o ! -path /tmp -printf '%p %y %m %U:%G %s %C@ %l\n' | sort
systemctl show --property=Id,InvocationID,MainPID,ActiveState 'aiblock*' nginx postgresql@15-main redis-server
runuser -u postgres -- pg_dump --dbname=blyandb | grep -vE '^.(un)?restrict '
for number in $(seq 0 15); do redis-cli -n $number --scan; done | sort
"""

UNCLEAN = r"""
cd /srv/blyan
for release in $(ls -A releases); do grep -q '"state": "good"' records/$release.json || echo "release $release"; done
grep -l '"state": "building"' records/*.json
for venv in $(ls venvs); do [ -e venvs/$venv/.complete ] || echo "half a virtual environment $venv"; done
live=$(basename $(readlink live.sock) .sock)
for slot in blue green; do
  state=$(systemctl is-active aiblock@$slot)
  [ $slot = $live ] || [ $state = inactive ] || echo "$slot is $state"
done
ls -d /var/lib/blyan-ops/lock.json /var/lib/blyan-ops/steps/* /run/blyan-ops/* /tmp/blyan-ops* 2>/dev/null
systemctl --failed --plain --no-legend
systemctl list-units --plain --no-legend 'aiblock-*'
find /srv/blyan -maxdepth 2 -name '.*' ! -name .cache
true
"""


@dataclass(frozen=True)
class Live:
    """What serves: the release, its commit, the version that was asked for, its slot, the process."""

    release: str
    commit: str
    version: str
    slot: str
    pid: int


class Site:
    """The one host of the tests, with the whole site on it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.front = f"http://{host.address}/api"
        self.direct = f"http://{host.address}:8000"

    def shell(self, script: str, **options: Any) -> str:
        """Run a shell script as root and return what it printed; its failure is an error."""
        return self.host.run(script, **options).stdout.strip()

    def reset(self) -> None:
        """As provision left it: nothing was ever deployed."""
        self.shell(RESET)

    def live(self) -> Live | None:
        """What serves by the links on the disk; nothing where there is none."""
        listing = self.shell(
            "cd /srv/blyan; [ -e current ] || exit 0; readlink current; cat current/REVISION;"
            " slot=$(basename $(readlink live.sock) .sock); echo $slot;"
            " cat records/$(basename $(readlink current)).json;"
            " echo; systemctl show --value --property=MainPID aiblock@$slot"
        )
        if not listing:
            return None
        current, commit, slot, *record, pid = listing.splitlines()
        return Live(current.rpartition("/")[2], commit, json.loads("".join(record))["version"], slot, int(pid))

    def answer(self, url: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers in lower case, and JSON body (or text) of an answer."""
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                status, headers, body = answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            status, headers, body = error.code, error.headers, error.read()
        text = body.decode()
        is_json = headers.get_content_type() == "application/json"
        return status, {name.lower(): value for name, value in headers.items()}, json.loads(text) if is_json else text

    def answering(self) -> set[str]:
        """The releases that answer from outside, on both ports; what is no good answer counts as its status."""
        found = set()
        for url in (f"{self.front}/health", f"{self.direct}/health"):
            status, headers, body = self.answer(url)
            good = status == 200 and isinstance(body, dict) and body["status"] == "healthy"
            found.add(headers.get("x-blyan-release", "") if good else f"{status} {body}")
        return found

    def secrets(self) -> list[str]:
        """The master key and the password of the database."""
        return self.shell("sed s/API_MASTER_KEY=// /etc/blyan/master_key.env; cat /etc/blyan/database_password").split()

    def files(self) -> set[str]:
        """Every file of the host (logs and the files of the databases apart), units, and what the databases hold."""
        return set(self.shell(FILES).splitlines())

    def unclean(self) -> list[str]:
        """What a failed deploy may have left that would be in the way of the next."""
        return self.shell(UNCLEAN).splitlines()

    def wait_for(self, what: str, true: Callable[[], bool], seconds: float = 30) -> None:
        """Until it is true."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, f"after {seconds:g} s still not: {what}"
            time.sleep(0.05)

    def drained(self, slot: str) -> None:
        """Wait until a slot has ended, with the last request and stream on it."""
        # Asked on the host, as the load is not to be disturbed.
        state = f"systemctl show --value --property=ActiveState aiblock@{slot}"
        self.shell(f"timeout 60 sh -c 'until [ \"$({state})\" = inactive ]; do sleep 0.2; done'")

    def load(self, streams: int = 0) -> Load:
        """100 requests a second on both ports, half of them on kept connections, and streams of 4 s."""
        stream = "stream?seconds=4&interval=0.25"
        return Load(
            [f"{self.front}/health", f"{self.direct}/health"],
            rate=100,
            streams=streams,
            stream_urls=[f"{self.front}/{stream}", f"{self.direct}/{stream}"],
        )


def lost(result: Result) -> dict[str, object]:
    """What a load did not get, by its kind; empty where it got everything."""
    found = {
        "failed": result.first_failed,
        "streams cut": result.streams_cut,
        "streams not begun": result.streams_failed,
        "why": result.stream_failures,
        "nothing asked": result.ok == 0,
    }
    return {name: value for name, value in found.items() if value}


class Watch:
    """Looks for texts in the command lines of the processes of a machine, for the length of a block."""

    def __init__(self, command: list[str], texts: list[str]) -> None:
        self._command = command
        self._texts = texts
        self.found: list[str] = []

    def __enter__(self) -> Watch:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(self._texts) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        output, _none = self._process.communicate(timeout=60)
        self.found = json.loads(output)
