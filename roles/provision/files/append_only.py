# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Switch the append-only file on in the Redis that runs on this host, which is not configured yet as it will be.

It is asked where its own files say that it listens, and with the password that stands there.
"""

from __future__ import annotations

import glob
import os
import shlex
import subprocess
import sys
from pathlib import Path

CONFIGURATION = "/etc/redis/redis.conf"


def settings(path: str) -> dict[str, str]:
    """What a configuration file sets, with those that it includes; the last word on each holds."""
    found: dict[str, str] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, *values = shlex.split(line)
        if name.lower() == "include":
            for included in sorted(glob.glob(values[0])):
                found.update(settings(included))
        else:
            found[name.lower()] = " ".join(values)
    return found


def main() -> int:
    """Ask the server, and return redis-cli's exit status."""
    found = settings(CONFIGURATION)
    argv = ["redis-cli", "-e", "-p", found.get("port", "6379"), "config", "set", "appendonly", "yes"]
    # Not on the command line, which every user of the host can read.
    password = {"REDISCLI_AUTH": found["requirepass"]} if found.get("requirepass") else {}
    return subprocess.run(argv, env={"PATH": os.environ["PATH"], **password}, check=False, timeout=60).returncode


if __name__ == "__main__":
    sys.exit(main())
