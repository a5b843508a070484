# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a host can become what is wanted of it, read without changing anything; and what it lacks."""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import OpsError
from .shell import Shell

# The PostgreSQL that each release of Debian packages.
_POSTGRESQL = {"12": "15", "13": "17"}
_LISTEN = "0A"

OS_RELEASE = Path("/etc/os-release")
#: It is there while systemd is the one that the host was booted with.
SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True)
class Wanted:
    """What the host is to have, or to have free.

    Args:
        packages: names, in which ``{postgresql}`` is the version that the host's Debian packages.
        ports: the program that is to listen on each TCP port.
        addresses: addresses to listen on, by the variables that set them.
        files: files that have to be there, by the variables that name them.
        paths: directories, there already or not, that need free space.
        min_free_mb: that space, in MiB.
    """

    packages: Sequence[str]
    ports: Mapping[int, str]
    addresses: Mapping[str, str]
    files: Mapping[str, str]
    paths: Sequence[str]
    min_free_mb: int


@dataclass(frozen=True)
class Found:
    """A host that is fit: packages to install, the version of PostgreSQL for it, whether it has IPv6."""

    missing: list[str]
    postgresql: str
    ipv6: bool


def find(wanted: Wanted, shell: Shell) -> Found:
    """Read the host.

    Raises:
        OpsError: it cannot become what is wanted; all that is in the way is named.
    """
    release = os_release(OS_RELEASE.read_text(encoding="utf-8"))
    _refuse(unfit(release, SYSTEMD.is_dir()))
    _refuse(in_the_way(wanted))
    postgresql = _POSTGRESQL[release["VERSION_ID"]]
    names = [name.format(postgresql=postgresql) for name in wanted.packages]
    return Found(_missing(names, shell), postgresql, Path("/proc/net/if_inet6").exists())


def os_release(text: str) -> dict[str, str]:
    """The fields of /etc/os-release."""
    lines = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name: value.strip("\"'") for name, _equals, value in lines}


def unfit(release: Mapping[str, str], systemd: bool) -> list[OpsError]:
    """Why this machine is not one that can be provisioned at all.

    Args:
        release: the fields of /etc/os-release.
        systemd: whether systemd runs.
    """
    problems = []
    if release.get("ID") != "debian" or release.get("VERSION_ID") not in _POSTGRESQL:
        name, known = release.get("PRETTY_NAME", "an unknown system"), " or ".join(_POSTGRESQL)
        reason = f"This host runs {name}, and Debian {known} is needed"
        problems.append(OpsError(reason, next_step="use a host with it"))
    if not systemd:
        problems.append(OpsError("systemd does not run here", next_step="use a host that was booted with it"))
    return problems


def in_the_way(wanted: Wanted) -> list[OpsError]:
    """What has to be put right before the host can have what is wanted."""
    found = [
        *taken(wanted.ports, {port: holders(port) for port in wanted.ports}),
        *(unusable(name, address) for name, address in wanted.addresses.items()),
        *(too_full(Path(path), wanted.min_free_mb) for path in wanted.paths),
        *(absent(name, Path(path)) for name, path in wanted.files.items()),
    ]
    return [problem for problem in found if problem]


def taken(ports: Mapping[int, str], held: Mapping[int, Mapping[int, str]]) -> Iterator[OpsError]:
    """Ports that another program holds.

    Args:
        ports: the program that is to listen on each port.
        held: ids and names of the processes that listen there now.
    """
    for port, program in ports.items():
        for pid, name in held[port].items():
            if name != program:
                reason = f"Port {port} is held by {name} (pid {pid}), and {program} is to listen there"
                yield OpsError(reason, next_step="stop it, and try again")


def listening(table: str, port: int) -> set[str]:
    """The inodes of the sockets that listen on a port, from /proc/net/tcp or tcp6."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return {row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port}


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
        except OSError:  # a process may end while we look
            continue
    return found or {0: "a process outside this host's view"}


def unusable(name: str, address: str) -> OpsError | None:
    """Why a service of this host cannot listen on an address, which the variable ``name`` sets."""
    try:
        family, kind, _protocol, _name, place = socket.getaddrinfo(address, 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.bind(place)
    except OSError as error:
        why = "is not an address of this host" if error.errno == errno.EADDRNOTAVAIL else f"cannot be used ({error})"
        next_step = "set it to the one at which the API hosts reach this host"
        return OpsError(f"{name} is {address!r}, which {why}", next_step=next_step)
    return None


def too_full(path: Path, needed_mb: int) -> OpsError | None:
    """Why the disk on which a path is, or will be, has too little space."""
    place = next(each for each in (path, *path.parents) if each.exists())
    free_mb = shutil.disk_usage(place).free >> 20
    if free_mb >= needed_mb:
        return None
    need = f"{free_mb} MB of disk are free, and provision_min_free_mb is {needed_mb}"
    return OpsError(f"{path} is too full: {need}", next_step="free some, or lower it")


def absent(name: str, path: Path) -> OpsError | None:
    """Why a file, which the variable ``name`` names, cannot be used."""
    if path.is_file():
        return None
    reason = f"{name} is {str(path)!r}, and there is no such file on this host"
    return OpsError(reason, next_step="correct it, or put the file there")


def missing_packages(names: Iterable[str], status: str) -> list[str]:
    """The packages that are not fully installed.

    Args:
        names: the packages that are wanted.
        status: what ``dpkg-query --show --showformat='${Package} ${db:Status-Abbrev}\\n'`` prints.
    """
    rows = (line.split() for line in status.splitlines())
    installed = {row[0] for row in rows if len(row) > 1 and row[1].startswith("ii")}
    return [name for name in names if name not in installed]


def _missing(names: list[str], shell: Shell) -> list[str]:
    if not names:
        return []
    asked = shell.run(["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Abbrev}\n", *names])
    if asked.code > 1:  # 1 is said of a package that it does not know
        raise OpsError(
            "dpkg-query does not work here", next_step="see that dpkg is whole: dpkg --audit", details=asked.tail(3)
        )
    return missing_packages(names, asked.stdout)


def _refuse(problems: Sequence[OpsError]) -> None:
    if problems:
        raise OpsError.of(problems, "this host cannot be provisioned")
