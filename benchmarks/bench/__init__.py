# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmarks of deploy and rollback: hosts, contenders, measurements and their report."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BASELINES = ROOT / "benchmarks" / "baselines"
RESULTS = ROOT / "build" / "benchmarks"

# The test hosts and the load generator are packages of the tests.
sys.path[:0] = [str(ROOT / "tests" / "hosts"), str(ROOT / "tests")]
