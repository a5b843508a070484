# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tell, in one call and without changing anything, whether a host can be provisioned; and what it lacks.

It takes what is wanted as one JSON argument and prints what was found as JSON.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# The PostgreSQL that each release of Debian packages.
POSTGRESQL = {"12": "15", "13": "17"}
LISTEN = "0A"


def os_release(text: str) -> dict[str, str]:
    """The fields of /etc/os-release."""
    lines = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name: value.strip("\"'") for name, _equals, value in lines}


def missing_packages(names: Iterable[str], status: str) -> list[str]:
    """The packages that are not fully installed.

    Args:
        names: the packages that are wanted.
        status: what ``dpkg-query --show --showformat='${Package} ${db:Status-Abbrev}\\n'`` prints.
    """
    rows = (line.split() for line in status.splitlines())
    installed = {row[0] for row in rows if len(row) > 1 and row[1].startswith("ii")}
    return [name for name in names if name not in installed]


def listening(table: str, port: int) -> set[str]:
    """The inodes of the sockets that listen on a port, from /proc/net/tcp or tcp6."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[9] for row in rows if row[3] == LISTEN and int(row[1].rpartition(":")[2], 16) == port}


def holders(port: int) -> dict[int, str]:
    """The processes that listen on a TCP port: their ids and names."""
    tables = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
    inodes = {inode for path in tables if path.exists() for inode in listening(path.read_text(), port)}
    if not inodes:
        return {}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    found = {}
    for entry in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(entry) in wanted:
                process = entry.parent.parent
                found[int(process.name)] = (process / "comm").read_text().strip()
        except OSError:  # A process may end while we look.
            continue
    return found or {0: "a process outside this host's view"}


def port_problems(ports: Mapping[str, str], held: Mapping[str, Mapping[int, str]]) -> list[str]:
    """Ports that another program holds.

    Args:
        ports: the program that is to listen on each port.
        held: the processes that listen there now.
    """
    return [
        f"Port {port} is held by {name} (pid {pid}), and {program} is to listen there. Next: stop it, and try again."
        for port, program in ports.items()
        for pid, name in held[port].items()
        if name != program
    ]


def address_problem(name: str, address: str) -> str | None:
    """Why a service of this host cannot listen on an address."""
    try:
        family, kind, _protocol, _name, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.bind(place)
    except OSError as error:
        why = "is not an address of this host" if error.errno == errno.EADDRNOTAVAIL else f"cannot be used ({error})"
        return f"{name} is {address!r}, which {why}. Next: set it to the one at which the API hosts reach this host."
    return None


def space_problem(path: str, needed_mb: int) -> str | None:
    """Why a disk is too full."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    free_mb = shutil.disk_usage(place).free >> 20
    if free_mb < needed_mb:
        need = f"{free_mb} MB of disk are free, and provision_min_free_mb is {needed_mb}"
        return f"{path} is too full: {need}. Next: free some, or lower it."
    return None


def host_problems(release: Mapping[str, str], uid: int, systemd: bool) -> list[str]:
    """Why this machine is not one that can be provisioned at all."""
    problems = []
    if release.get("ID") != "debian" or release.get("VERSION_ID") not in POSTGRESQL:
        name = release.get("PRETTY_NAME", "an unknown system")
        known = " or ".join(POSTGRESQL)
        problems.append(f"This host runs {name}, and Debian {known} is needed. Next: use a host with it.")
    if not systemd:
        problems.append("systemd does not run here. Next: use a host that was booted with it.")
    if uid != 0:
        problems.append(
            f"The user id is {uid}, and root's is needed. Next: set ansible_user=root, or let it become root."
        )
    return problems


def main() -> None:
    """Print what was found, as JSON: problems, missing packages, the version of PostgreSQL, whether there is IPv6."""
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    release = os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    problems = host_problems(release, os.geteuid(), Path("/run/systemd/system").is_dir())
    postgresql = POSTGRESQL.get(release.get("VERSION_ID", ""), "")
    missing: list[str] = []
    if not problems:
        problems += port_problems(wanted["ports"], {port: holders(int(port)) for port in wanted["ports"]})
        found = [address_problem(name, address) for name, address in wanted["addresses"].items()]
        found += [space_problem(path, wanted["min_free_mb"]) for path in wanted["paths"]]
        problems += [problem for problem in found if problem]
        problems += [
            f"{name} is {path!r}, and there is no such file on this host. Next: correct it, or put the file there."
            for name, path in wanted["files"].items()
            if not Path(path).is_file()
        ]
        names = [name.format(postgresql=postgresql) for name in wanted["packages"]]
        query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Abbrev}\n", *names]
        asked = subprocess.run(query, capture_output=True, text=True, check=False)
        if asked.returncode > 1:  # 1 is said of a package that it does not know.
            problems.append(f"dpkg-query does not work here: {asked.stderr.strip()}")
        missing = missing_packages(names, asked.stdout)
    print(
        json.dumps(
            {
                "problems": problems,
                "missing": missing,
                "postgresql": postgresql,
                "ipv6": Path("/proc/net/if_inet6").exists(),
            }
        )
    )


if __name__ == "__main__":
    main()
