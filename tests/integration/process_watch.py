# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for texts in the command lines of all processes, again and again, until its standard input ends.

Its first line of input is the texts, a JSON list. It prints `ready`, and at the end what it found, as JSON.
"""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

texts = json.loads(sys.stdin.readline())
found: set[str] = set()
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path("/proc", process, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended since
            continue
        found.update(text for text in texts if text in line)
print(json.dumps(sorted(found)))
