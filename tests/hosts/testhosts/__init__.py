# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real hosts for the demo, the tests and the benchmarks: podman containers booted with systemd."""

from . import image
from .engine import HostsError
from .host import Host
from .lab import down, get, hosts, up, write_inventory

__all__ = ["Host", "HostsError", "down", "get", "hosts", "image", "up", "write_inventory"]
