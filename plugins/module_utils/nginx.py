# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The nginx of a host: its files as it reads them, and a reload that ends when old workers take no more requests."""

from __future__ import annotations

import grp
import os
import re
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from . import atomic
from .errors import OpsError
from .shell import Shell

PROC = Path("/proc")
UNIT = "nginx.service"
GROUP = "www-data"
_RELOAD_SECONDS = 15.0
_POLL_SECONDS = 0.01
_MARK = re.compile(r"^# configuration file (/[^\n]*):$", re.M)


@dataclass
class Nginx:
    """nginx as systemd runs it."""

    shell: Shell = field(default_factory=Shell)

    def files(self) -> dict[str, bytes]:
        """The files of the configuration by real path, the main one first.

        Raises:
            OpsError: nginx does not accept its own configuration.
        """
        done = self.shell.run(["nginx", "-T", "-q"])
        if not done.ok:
            raise OpsError(
                "nginx does not accept its configuration as it is",
                next_step="mend it until nginx -t succeeds, then run this again",
                details=done.tail(5)[-5:],
            )
        paths = dict.fromkeys(os.path.realpath(path) for path in _MARK.findall(done.stdout))
        return {path: Path(path).read_bytes() for path in paths if Path(path).is_file()}

    def master(self) -> int:
        """Its main process.

        Raises:
            OpsError: systemd does not run it.
        """
        shown = self.shell.run(["systemctl", "show", UNIT, "--property=MainPID", "--value"]).stdout.strip()
        if shown in ("", "0"):
            raise OpsError(f"{UNIT} does not run on this host", next_step="systemctl start nginx, then run this again")
        return int(shown)

    def require_group(self) -> None:
        """Refuse workers that could not reach the sockets of the slots.

        Raises:
            OpsError: they are not in the group ``www-data``.
        """
        try:
            wanted = grp.getgrnam(GROUP).gr_gid
        except KeyError:
            wanted = -1
        for worker in workers(self.master()):
            status = (PROC / str(worker) / "status").read_text(encoding="utf-8")
            groups = {
                int(number) for line in re.findall(r"^(?:Gid|Groups):(.*)$", status, re.M) for number in line.split()
            }
            if wanted not in groups:
                raise OpsError(
                    f"the workers of nginx are not in the group {GROUP}, which may use the sockets of the slots",
                    next_step=f"have nginx.conf say user {GROUP}; and restart nginx, then run this again",
                )

    def put(self, path: str, content: bytes | None) -> None:
        """Give a file of the configuration other content (None: take it away), and see that nginx accepts it.

        Raises:
            OpsError: nginx does not accept it.
        """
        file = Path(path)
        if content is None:
            file.unlink(missing_ok=True)
        else:
            status = file.stat() if file.exists() else None
            atomic.write(
                file,
                content,
                mode=status.st_mode & 0o7777 if status else 0o644,
                uid=status.st_uid if status else 0,
                gid=status.st_gid if status else 0,
            )
        self.test()

    def test(self) -> None:
        """See that nginx accepts its configuration.

        Raises:
            OpsError: it does not.
        """
        self.shell.must(["nginx", "-t", "-q"], next_step="read its words below")

    def reload(self) -> None:
        """Have it read its configuration, and wait until the workers of before take no new requests.

        Raises:
            OpsError: new workers did not come.
        """
        master = self.master()
        before = workers(master)
        os.kill(master, signal.SIGHUP)
        deadline = time.monotonic() + _RELOAD_SECONDS
        while not taken_over(before, workers(master)):
            if time.monotonic() > deadline:
                raise OpsError(
                    "nginx goes on with its old configuration after a reload",
                    next_step="look at /var/log/nginx/error.log",
                    details=self.shell.run(["tail", "-n", "5", "/var/log/nginx/error.log"]).tail(5),
                )
            time.sleep(_POLL_SECONDS)


def taken_over(before: Mapping[int, bool], now: Mapping[int, bool]) -> bool:
    """Whether there are new workers, and all of before are ending or gone.

    Args:
        before: workers before the reload; for each, whether it is ending.
        now: those of now.
    """
    fresh = [pid for pid, ending in now.items() if not ending and pid not in before]
    return bool(fresh) and not any(pid in now and not now[pid] for pid in before)


def workers(master: int) -> dict[int, bool]:
    """The workers of an nginx; for each, whether it is ending."""
    found = {}
    for process in PROC.glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold spaces.
            parent = (process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            title = (process / "cmdline").read_bytes().decode(errors="replace")
        except OSError:  # A process may end while we look.
            continue
        if parent == str(master) and title.startswith("nginx: worker process"):
            found[int(process.name)] = "shutting down" in title
    return found
