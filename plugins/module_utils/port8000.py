# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Port 8000 of a host that was taken over: nginx listens where the app did.

It is a server of the host's nginx, in a file of its own. Where that nginx includes no folder, so that there is no place
for a file without a change of its configuration, an nginx of its own listens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import atomic, legacy_unit, ports
from .errors import OpsError
from .nginx import Nginx
from .systemd import Systemd

PORT = 8000
UNIT = "blyan-8000.service"
_NAME = "blyan-8000.conf"
_ALONE = "/etc/nginx"
_FREE_SECONDS = 10.0
_POLL_SECONDS = 0.002
_SERVICE = """\
# The app by its own port. Written by the role blyan.ops.deploy.
[Unit]
Description=Blyan API on port 8000
After=network-online.target
Wants=network-online.target

[Service]
ExecStartPre=/usr/sbin/nginx -t -q -c {conf}
ExecStart=/usr/sbin/nginx -c {conf} -g "daemon off;"
ExecReload=/bin/kill -HUP $MAINPID
KillSignal=SIGQUIT
KillMode=mixed
TimeoutStopSec=30
Restart=always
RestartSec=1

[Install]
WantedBy=multi-user.target
"""
_MAIN = """\
user www-data;
worker_processes auto;
pid /run/blyan-8000.pid;
error_log /var/log/nginx/error.log;

events {{
    worker_connections 8192;
}}

http {{
    access_log /var/log/nginx/access.log;
    server_tokens off;

{server}}}
"""


def server(live: Path, addresses: Sequence[str]) -> str:
    """The server: what is kept open there stays so for an hour, and no body is too large."""
    listens = "".join(f"    listen {line};\n" for line in ports.listen_lines(list(addresses), PORT))
    return (
        "# The app by its own port, for GPU nodes and people. Written by the role blyan.ops.deploy.\n"
        f"server {{\n{listens}"
        "    server_name _;\n"
        "    client_max_body_size 0;\n\n"
        "    location / {\n"
        f"        proxy_pass http://unix:{live};\n"
        "        proxy_http_version 1.1;\n"
        '        proxy_set_header Connection "";\n'
        "        proxy_set_header Host $http_host;\n"
        "        proxy_set_header X-Real-IP $remote_addr;\n"
        "        proxy_set_header X-Forwarded-For $remote_addr;\n"
        "        proxy_set_header X-Forwarded-Proto $scheme;\n"
        "        proxy_buffering off;\n"
        "        proxy_read_timeout 1h;\n"
        "        proxy_send_timeout 1h;\n"
        "    }\n"
        "}\n"
    )


@dataclass
class Port:
    """The port.

    Args:
        folder: a folder of which nginx reads all files within http; empty where there is none.
        nginx: the web server of the host.
        systemd: the service manager.
    """

    folder: str
    nginx: Nginx = field(default_factory=Nginx)
    systemd: Systemd = field(default_factory=Systemd)

    @property
    def file(self) -> str:
        """Its configuration."""
        return f"{self.folder or _ALONE}/{_NAME}"

    def files(self, live: Path, addresses: Sequence[str]) -> dict[str, str]:
        """The files that it needs, by path."""
        text = server(live, addresses)
        if self.folder:
            return {self.file: text}
        inner = "".join(f"    {line}" if line.strip() else line for line in text.splitlines(keepends=True))
        unit = str(legacy_unit.FOLDER / UNIT)
        return {self.file: _MAIN.format(server=inner), unit: _SERVICE.format(conf=self.file)}

    def put(self, path: str, text: str) -> None:
        """Have one of its files; nginx does not listen before it is told to."""
        if self.folder:
            self.nginx.put(path, text.encode())
            return
        atomic.write(Path(path), text, mode=0o644)
        self.systemd.reload()

    def held(self) -> bool:
        """Whether nginx listens there."""
        if self.folder:
            return self.nginx.master() in ports.owners(ports.listeners(PORT))
        return self.systemd.show(UNIT).state == "active"

    def open(self) -> None:
        """Listen, where nothing else does any more."""
        if self.folder:
            self.nginx.reload()
            return
        self.systemd.start(UNIT)
        self.systemd.enable(UNIT)

    def remove(self, path: str) -> None:
        """Take one of its files away, and with its configuration the port: it is free at the end.

        Raises:
            OpsError: it is not.
        """
        if self.folder:
            self.nginx.put(path, None)
            self.nginx.reload()
            return
        if path == self.file:
            # What is open there may come to its end.
            self.systemd.disable(UNIT)
            self.systemd.stop(UNIT, wait=False)
            await_free(_FREE_SECONDS)
        Path(path).unlink(missing_ok=True)
        self.systemd.reload()


def await_free(timeout: float) -> None:
    """Wait until nothing listens on the port, and be quick to see it.

    Raises:
        OpsError: something still does after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while ports.listeners(PORT):
        if time.monotonic() > deadline:
            raise OpsError(
                f"port {PORT} is still held by {', '.join(ports.owners(ports.listeners(PORT)).values())}",
                next_step="end that process, then run this again",
            )
        time.sleep(_POLL_SECONDS)
