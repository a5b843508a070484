# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of the benchmarks: one as `provision` makes it, one as the runbook has it. As bare and as new as that."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testhosts import Host, down, up, write_inventory
from testhosts import hosts as known

from . import BASELINES, RESULTS, ROOT, origin
from .ansible import play
from .origin import Version

OURS, TYPED = "bench-ours", "bench-typed"
VARIABLES = {
    "deploy_repo": origin.ON_HOST,
    "deploy_pip_extra_args": "--no-index --find-links /srv/wheelhouse",
}


@dataclass(frozen=True)
class Site:
    """A host, the inventory that names it, and the version that it serves to begin with."""

    host: Host
    inventory: Path
    base: Version


def make() -> tuple[Site, Site]:
    """Boot both hosts, set them up and have both serve the branch main; hosts that are there are used as they are."""
    up(OURS, TYPED)
    base = origin.ensure()
    with ThreadPoolExecutor() as both:
        ours, typed = both.map(_provisioned, (OURS, TYPED), (base, base))
    play(ours.inventory, ROOT / "playbooks" / "deploy.yml", {}, {})
    _lay_out(typed.host)
    return ours, typed


def many(ours: Site, count: int) -> tuple[list[Host], Path]:
    """Copies of the collection's host, each with servers of its own, and the inventory that names them."""
    names = [f"bench-many-{number}" for number in range(1, count + 1)]
    hosts = up(*names, image=ours.host.snapshot("bench-many"))
    return hosts, write_inventory(RESULTS / "bench-many.json", {"blyan_api": names}, VARIABLES)


def remove() -> None:
    down(*(name for name in known() if name.startswith("bench-")))


def _provisioned(name: str, base: Version) -> Site:
    groups = {group: [name] for group in ("blyan_api", "blyan_postgres", "blyan_redis")}
    inventory = write_inventory(RESULTS / f"{name}.json", groups, VARIABLES)
    (host,) = up(name)
    # The one that was laid out already has an nginx.conf of its own, and the app on port 8000.
    if host.run("test -d /root/blyan", check=False).returncode != 0:
        play(inventory, ROOT / "playbooks" / "provision.yml", {}, {})
    return Site(host, inventory, base)


def _lay_out(host: Host) -> None:
    for name in ("nginx.conf", "aiblock.service"):
        host.ssh(f"cat > /tmp/{name}", stdin=(BASELINES / name).read_text())
    host.ssh(f"bash -s -- {origin.ON_HOST}", stdin=(BASELINES / "lay_out.sh").read_text(), timeout=300)
    host.ssh("timeout 60 sh -c 'until curl --silent --fail http://localhost/api/health; do sleep 0.1; done'")
