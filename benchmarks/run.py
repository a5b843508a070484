# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure deploy and rollback on real hosts, beside the runbook's own commands. See docs/benchmarks.md."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench import ROOT, chart, measure, origin, results, site, text
from bench.ansible import BenchError
from bench.measure import Sample
from bench.ways import AS_IT_COMES, Ours, Tasks, Typed, Way
from testhosts import HostsError

SWITCHES, QUICK_SWITCHES = 10, 2
ROUNDS, QUICK_ROUNDS = 5, 1
HOSTS, QUICK_HOSTS = 10, 2


def say(line: str) -> None:
    print(line, flush=True)


def compare(ways: Sequence[Way], base: origin.Version, rounds: int) -> list[Sample]:
    """All ways in each round, in another order each time, with the same new version."""
    samples: list[Sample] = []
    for number in range(rounds):
        new = origin.advance()
        first = number % len(ways)
        for way in [*ways[first:], *ways[:first]]:
            pair = measure.compared(way, base, new)
            samples += pair
            figures = ", ".join(f"{each.action} {each.seconds:.1f} s, {each.failed} failed" for each in pair)
            say(f"  {number + 1} of {rounds}, {way.title}: {figures}")
    return samples


def run(quick: bool) -> results.Results:
    say("Booting and setting up two hosts ...")
    ours_site, typed_site = site.make()
    base = ours_site.base
    ours = Ours(ours_site.host, ours_site.inventory)
    typed = Typed(typed_site.host)
    no_wait = Typed(typed_site.host, "typed_no_wait", "typed, a unit that does not wait", waits=False)
    quick_tasks = Tasks(typed_site.host, typed_site.inventory, "tasks", "one task each, quick", {})
    slow_tasks = Tasks(typed_site.host, typed_site.inventory, "slow_tasks", "one task each, as it comes", AS_IT_COMES)
    ways: list[Way] = [typed, no_wait, quick_tasks, slow_tasks, ours]

    say("Round trips ...")
    runs = measure.round_trips(ours, base)
    say("Side by side ...")
    compared = compare(ways, base, QUICK_ROUNDS if quick else ROUNDS)
    say("Switches under load ...")
    switched = measure.switches(ours, base, QUICK_SWITCHES if quick else SWITCHES, say)
    say("With streams that do not end (the runbook's way takes 100 s) ...")
    new = origin.advance()
    both: list[Way] = [typed, ours]
    with ThreadPoolExecutor() as pool:
        long_streams = list(pool.map(lambda way: measure.with_long_streams(way, base, new), both))
    count = QUICK_HOSTS if quick else HOSTS
    say(f"{count} hosts ...")
    hosts, inventory = site.many(ours_site, count)
    taken = measure.many_hosts(inventory, hosts)
    titles = {way.key: way.title for way in ways}
    return results.gather(ours_site, titles, switched, runs, compared, long_streams, (count, *taken))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of each; leaves docs/ as it is")
    parser.add_argument("--keep", action="store_true", help="leave the hosts there, for the next run")
    chosen = parser.parse_args()
    # Hosts are removed when somebody ends this, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("benchmarks: ended by a signal"))
    try:
        found = run(chosen.quick)
    except (BenchError, HostsError) as error:
        say(f"benchmarks: {error}")
        return 1
    finally:
        if not chosen.keep:
            site.remove()
    page = text.page(found) + "\n"
    say(f"\n{page}\nAll samples: {found.save().relative_to(ROOT)}")
    if not chosen.quick:
        (ROOT / "docs").mkdir(exist_ok=True)
        (ROOT / "docs" / "benchmarks.md").write_text(page)
        (ROOT / "docs" / "benchmarks-deploy.svg").write_text(chart.chart(found))
    broken = found.broken()
    for line in broken:
        say(f"FAILED: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
