# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print what PostgreSQL is to store of the password in a file: FILE ROLE PORT.

The server is given this instead of the password, which thus stands in no statement that it may log. What it stores
already is printed again where it fits the password, so that a second run changes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import subprocess
import sys
from pathlib import Path

ITERATIONS = 4096  # PostgreSQL's own default; a client reads it from the verifier.
VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([^$]+)\$[^:]+:.+")
STORED = "SELECT rolpassword FROM pg_authid WHERE rolname = :'role'"


def verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """The SCRAM-SHA-256 verifier (RFC 5803) of a password of ASCII characters."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(value).decode() for value in (salt, stored_key, server_key))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def kept_or_new(password: str, stored: str) -> str:
    """What is stored, if it is this password's; else a verifier with a new salt."""
    match = VERIFIER.fullmatch(stored)
    if match:
        same = verifier(password, base64.b64decode(match.group(2)), int(match.group(1)))
        if hmac.compare_digest(same, stored):
            return stored
    return verifier(password, os.urandom(16))


def stored_verifier(role: str, port: str) -> str:
    """What the server on this host stores for a role; empty for a role that does not exist."""
    psql = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", f"--port={port}", f"--set=role={role}", "postgres"]
    command = ["runuser", "--user=postgres", "--", *psql]
    done = subprocess.run(command, input=STORED, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        sys.exit(f"PostgreSQL on this host cannot be asked for its roles: {done.stderr.strip()}")
    return done.stdout.strip()


if __name__ == "__main__":
    print(kept_or_new(Path(sys.argv[1]).read_text(encoding="ascii"), stored_verifier(sys.argv[2], sys.argv[3])))
