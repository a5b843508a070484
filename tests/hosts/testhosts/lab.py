# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts of this checkout: making them, finding them, telling Ansible of them, removing them."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import image as images
from . import supplies
from .engine import CHECKOUT, GIT, LABEL, STATE, WHEELHOUSE, HostsError, lock, podman, run, write
from .host import KNOWN_HOSTS, PRIVATE_KEY, SNAPSHOTS, Host, container_name, wait_for_boot

REGISTER = STATE / "hosts.json"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,40}[a-z0-9])?")

# With fewer, systemd silently skips ProtectSystem, PrivateTmp and the like, and a unit
# that its own hardening breaks looks fine.
CAPABILITIES = "NET_ADMIN,SYS_ADMIN,SYS_PTRACE"


def hosts() -> dict[str, Host]:
    """The hosts that `up` made and `down` has not removed."""
    if not REGISTER.exists():
        return {}
    return {name: Host(**entry) for name, entry in json.loads(REGISTER.read_text()).items()}


def get(name: str) -> Host:
    known = hosts()
    if name not in known:
        there = ", ".join(known) or "none"
        raise HostsError(f"There is no host {name} (there: {there}). Make it: python3 tests/hosts/hosts.py up {name}")
    return known[name]


def up(*names: str, image: str | None = None) -> list[Host]:
    """Boot the hosts that are not there yet; return all that were named, ready for SSH."""
    for name in names:
        if not NAME.fullmatch(name):
            raise HostsError(f"{name!r} cannot be a host's name: use a-z, 0-9 and -, as in blyan-site.")
    with lock():
        known = hosts()
        new = [name for name in names if not (name in known and _is_running(name))]
        if new:
            image = image or images.ensure()
            supplies.ensure()
            _make_key()
        addresses = {name: _start(name, image or "") for name in new}
        for name, address in addresses.items():
            wait_for_boot(name)
            # The package lists go with the archives of the image: neither has to be fetched for being old.
            command = "touch /var/lib/apt/lists && cat /etc/ssh/ssh_host_ed25519_key.pub"
            key = podman("exec", container_name(name), "sh", "-c", command).stdout
            known[name] = Host(name, address, " ".join(key.split()[:2]))
            _register(known)
            known[name].wait()
        return [known[name] for name in names]


def down(*names: str) -> None:
    """Remove these hosts and all that they wrote; without a name, all hosts and snapshots of this checkout."""
    with lock():
        doomed = [container_name(name) for name in names] if names else _containers()
        if doomed:
            podman("rm", "--force", "--ignore", "--time", "0", "--volumes", *doomed)
        left = {name: host for name, host in hosts().items() if names and name not in names}
        if left:
            _register(left)
        elif STATE.exists():
            shutil.rmtree(STATE)
        if not names:
            images.remove(SNAPSHOTS)


def write_inventory(
    path: Path, groups: Mapping[str, Sequence[str]], variables: Mapping[str, Any] | None = None
) -> Path:
    """An inventory of these groups, with what Ansible needs to reach each host. (JSON is YAML.)"""
    members = sorted({name for group in groups.values() for name in group})
    document = {
        "all": {
            "vars": dict(variables or {}),
            "hosts": {name: get(name).variables() for name in members},
            "children": {group: {"hosts": dict.fromkeys(names)} for group, names in groups.items()},
        }
    }
    write(path, json.dumps(document, indent=2) + "\n")
    return path


def _containers() -> list[str]:
    """By label, so that hosts are found even when the register was lost."""
    label = f"label={LABEL}={CHECKOUT}"
    return podman("ps", "--all", "--filter", label, "--format", "{{.Names}}").stdout.split()


def _is_running(name: str) -> bool:
    done = podman("inspect", "--format", "{{.State.Running}}", container_name(name), check=False)
    return done.stdout.strip() == "true"


def _make_key() -> None:
    if PRIVATE_KEY.exists():
        return
    PRIVATE_KEY.parent.mkdir(parents=True, exist_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "blyan-ops-test-hosts", "-f", str(PRIVATE_KEY)])


def _register(known: Mapping[str, Host]) -> None:
    for stale in STATE.glob("*.address"):
        if stale.stem not in known:
            stale.unlink()
    # One file a host, for inventories that are written by hand and look the address up.
    for host in known.values():
        write(STATE / f"{host.name}.address", f"{host.address}\n")
    write(KNOWN_HOSTS, "".join(f"{host.address} {host.host_key}\n" for host in known.values()))
    write(REGISTER, json.dumps({name: dataclasses.asdict(host) for name, host in known.items()}, indent=2))


def _addresses(name: str) -> Iterator[str]:
    """Addresses to try: the same first one each time, so that a host made anew is found where it was."""
    described = json.loads(podman("network", "inspect", "podman").stdout)[0]
    network = ipaddress.ip_network(described["subnets"][0]["subnet"])
    # The upper half: podman hands out the lower addresses itself.
    half = network.num_addresses // 2
    first = int.from_bytes(hashlib.sha256(container_name(name).encode()).digest()[:8], "big")
    for attempt in range(20):
        yield str(network[half + (first + attempt) % (half - 1)])


def _mac(address: str) -> str:
    """Tied to the address: with another after a reboot, neighbours would talk to the old one for up to a minute."""
    return "02:42:" + ":".join(f"{byte:02x}" for byte in ipaddress.ip_address(address).packed)


def _start(name: str, image: str) -> str:
    container = container_name(name)
    for address in _addresses(name):
        done = podman(
            "run", "--detach", "--replace", "--name", container, "--hostname", name,
            "--ip", address, "--mac-address", _mac(address),
            "--label", f"{LABEL}={CHECKOUT}", "--systemd", "always", "--cap-add", CAPABILITIES,
            # Makes `systemctl reboot` in the host a reboot: systemd ends, and podman starts it again.
            "--restart", "always",
            "--volume", f"{PRIVATE_KEY}.pub:/root/.ssh/authorized_keys:ro",
            "--volume", f"{WHEELHOUSE}:/srv/wheelhouse:ro", "--volume", f"{GIT}:/srv/git:ro",
            image, "/sbin/init", check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return address
        podman("rm", "--force", "--ignore", container)
        if "ip address" not in done.stderr.lower():
            raise HostsError(f"podman could not start {name}: {done.stderr.strip()}")
    raise HostsError(f"No free address for {name}: {done.stderr.strip()}")
