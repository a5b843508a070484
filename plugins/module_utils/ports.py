# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who listens on a TCP port of this host, and at which addresses; from /proc, which is quick enough to ask often."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_LISTEN = "0A"


@dataclass(frozen=True)
class Listener:
    """A listening socket: its address (IPv4 or IPv6) and its inode."""

    address: str
    inode: str


def parse(table: str, port: int) -> list[Listener]:
    """The listening sockets of a port in the text of ``/proc/net/tcp`` or ``tcp6``."""
    found = []
    for line in table.splitlines()[1:]:
        words = line.split()
        host, _colon, number = words[1].partition(":")
        if words[3] == _LISTEN and int(number, 16) == port:
            # Words of 32 bits, each in the order of the machine, which is little-endian wherever Debian runs an app.
            raw = b"".join(bytes.fromhex(host[at : at + 8])[::-1] for at in range(0, len(host), 8))
            found.append(Listener(str(ipaddress.ip_address(raw)), words[9]))
    return found


def listeners(port: int) -> list[Listener]:
    """The sockets that listen on a port now."""
    tables = [PROC / "net" / name for name in ("tcp", "tcp6")]
    return [each for table in tables if table.exists() for each in parse(table.read_text(encoding="ascii"), port)]


def owners(sockets: list[Listener]) -> dict[int, str]:
    """The processes that have one of these sockets, by number, with their names."""
    wanted = {f"socket:[{each.inode}]" for each in sockets}
    found = {}
    for process in PROC.glob("[0-9]*"):
        try:
            if any(os.readlink(entry) in wanted for entry in (process / "fd").iterdir()):
                found[int(process.name)] = (process / "comm").read_text(encoding="utf-8").strip()
        except OSError:  # A process may end while we look.
            continue
    return found


def listen_lines(addresses: list[str], port: int) -> list[str]:
    """``listen`` arguments of nginx for these addresses.

    Args:
        addresses: as :class:`Listener` gives them.
    """
    # A socket on :: takes IPv4 too, unless there is one for that beside it.
    both = "::" in addresses and not any(":" not in each for each in addresses)
    lines = []
    for each in sorted(set(addresses)):
        if each == "0.0.0.0":
            lines.append(f"{port} default_server")
        elif ":" in each:
            lines.append(f"[{each}]:{port} default_server" + (" ipv6only=off" if both and each == "::" else ""))
        else:
            lines.append(f"{each}:{port} default_server")
    return lines


def local_url(addresses: list[str], port: int) -> str:
    """A URL at which this host reaches what listens at these addresses."""
    first = sorted(set(addresses))[0]
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(first, f"[{first}]" if ":" in first else first)
    return f"http://{host}:{port}"
