# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that was deployed by hand, as the tests of its takeover see it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from reference_app.generator import Result
from reference_app.load import Load
from site_host import Site
from testhosts import Host

FOLDER = Path(__file__).parent / "by_hand"
#: One for each process that runs tests.
NAME = "-".join(("e2e-by-hand", *os.environ.get("PYTEST_XDIST_WORKER", "").split()))
PASSWORD = "by-hand-secret"
SITE_FILE = "/etc/nginx/sites-available/blyan"
UNIT = "/etc/systemd/system/aiblock.service"
RESTART = "systemctl daemon-reload; systemctl restart aiblock"
STREAM = "stream?seconds=6&interval=0.25"

# All that a person made on the host: content, mode, owner, and where links lead.
MADE = r"""
find /etc/nginx /etc/systemd/system /etc/aiblock.env /root/blyan \( -name .git -o -name __pycache__ \) -prune -o \
  ! -name 'aiblock@*' ! -name sysinit.target.wants -printf '%p %y %m %U:%G %l\n' \
  -type f -exec sha256sum '{}' ';' | sort
"""


@dataclass
class Seen:
    """What became of the load: under /api/, on port 8000, and of files."""

    api: Result
    port: Result
    files: Result

    @property
    def gap(self) -> float:
        """Seconds for which port 8000 refused."""
        if self.port.first_failed_s is None or self.port.last_failed_s is None:
            return 0.0
        return self.port.last_failed_s - self.port.first_failed_s


class ByHandHost(Site):
    """The host: a checkout in /root/blyan, one service as root on port 8000, a site of nginx."""

    def lay_out(self, version: str) -> None:
        """Make it so on a bare host, as a person does."""
        for file in FOLDER.iterdir():
            self.shell(f"mkdir -p /tmp/by_hand && cat > /tmp/by_hand/{file.name}", stdin=file.read_text())
        self.shell(f"bash /tmp/by_hand/lay_out.sh {version} && rm -r /tmp/by_hand", timeout=300)

    def await_app(self) -> None:
        """Until the app that was deployed by hand answers, and its unit says that it is up."""
        up = "systemctl is-active --quiet aiblock && curl -sf http://localhost/api/health | grep -q healthy"
        self.shell(f"timeout 60 sh -c 'until {up}; do sleep 0.2; done'")

    def settled(self) -> None:
        """Until the old app or the slots have drained, and nothing waits for anything."""
        busy = "systemctl list-jobs --no-legend | grep -q aiblock"
        draining = "systemctl is-active aiblock aiblock@blue aiblock@green | grep -q ing"
        self.shell(f"timeout 90 sh -c 'while {busy} || {draining}; do sleep 0.2; done'", timeout=120)

    def made(self) -> set[str]:
        """Everything that a person made."""
        return set(self.shell(MADE).splitlines())

    @contextmanager
    def watched(self) -> Iterator[list[Seen]]:
        """Load for the length of a block, with streams; what became of it is in the list at the end."""
        seen: list[Seen] = []
        api = Load([f"{self.front}/health"], rate=60, streams=10, stream_urls=[f"{self.front}/{STREAM}"])
        port = Load([f"{self.direct}/health"], rate=60)
        files = Load([f"http://{self.host.address}/"], rate=20)
        with api, port, files:
            yield seen
        seen.append(Seen(api.result, port.result, files.result))


def up(host: Host) -> ByHandHost:
    """A copy of the host once its app answers.

    Its disk lies in layers, and a folder of a lower one cannot be renamed there, other than on a disk. So it is copied.
    """
    site = ByHandHost(host)
    site.shell(
        "systemctl stop aiblock; cp -a /root/blyan /root/copy; rm -r /root/blyan; mv /root/copy /root/blyan;"
        " systemctl start aiblock"
    )
    site.await_app()
    return site
