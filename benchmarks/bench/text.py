# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The results as text: a table for the terminal, which is also the page docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Sequence

from .measure import MOST_RUNS, Runs, Sample
from .results import Results

NAMES = {"deploy": "deploy", "same": "the same version again", "rollback": "rollback"}


def page(results: Results) -> str:
    """The whole page."""
    return "\n\n".join(
        [
            "# Benchmarks",
            _about(results),
            *_side_by_side(results),
            *_long(results),
            *_switches(results),
            *_many(results),
            *_runs(results),
        ]
    )


def _about(results: Results) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return (
        f"Made by `make bench` on {results.date}, which boots two hosts, measures and removes them again; all samples "
        f"are in `build/benchmarks/deploy.json`.\n\nMachine: {results.machine}. {versions}.\n\n"
        "Compare the ratios and not the seconds: the ways take turns within one run on the same machine, so that what "
        "slows one slows the others, and another machine gives other seconds."
    )


def _side_by_side(results: Results) -> list[str]:
    rows = []
    for way, title in results.titles.items():
        cells = [title]
        for action in ("deploy", "rollback"):
            ratio = results.median(way, action) / results.median("typed", action)
            median, fastest = results.median(way, action), results.fastest(way, action)
            cells += [f"{median:.1f} s ({fastest:.1f} s)", f"{ratio:.2f}", str(results.failed(way, action))]
        rows.append(cells)
    head = ["way", "deploy", "ratio to typed", "failed requests", "rollback", "ratio to typed", "failed requests"]
    aims = [
        f"- {aim.action}: {aim.ratio:.2f} of the time of {results.titles[aim.against]}; the aim is at most "
        f"{aim.most:g}: {'met' if aim.met else 'missed'}"
        for aim in results.aims()
    ]
    return [
        "## Side by side",
        "![Seconds and failed requests of each way](benchmarks-deploy.svg)",
        f"A new commit with the same requirements, and back, {results.rounds} times each in changing order, under 100 "
        "requests a second (half on new connections, half kept alive; half to nginx on port 80, half to port 8000). "
        "From the command to its end, when the wanted version answers 200 through nginx. Medians, and in brackets the "
        "fastest.",
        table(head, rows),
        "Typed: the commands of the runbook as one script over one SSH connection. Blyan's own unit waits 5 s after "
        "its start (`ExecStartPost`), in all ways but ours and the one named so. One task each: the same commands as "
        "Ansible tasks with the stock modules (`git`, `pip`, `shell`, `systemd_service`, `uri`); quick: with "
        "pipelining and without facts; as it comes: with Ansible's defaults. They are in `benchmarks/baselines/`.",
        "\n".join(aims),
    ]


def _long(results: Results) -> list[str]:
    rows = [
        [
            results.titles[sample.way],
            f"{sample.seconds:.1f} s",
            f"{sample.failed} of {sample.requests}",
            str(sample.streams_cut),
        ]
        for sample in results.long_streams
    ]
    return [
        "## With five streams open that do not end",
        "The same deploy once, both at the same time, with five streams of ten minutes open on each host. In the "
        "runbook's way the app stops listening and waits for its streams, until systemd kills it after 90 s. Here the "
        "old version goes on with its streams beside the new one, and only streams that are longer than "
        "`deploy_drain_timeout` (30 s) are cut, when that has passed.",
        table(["way", "deploy", "failed requests", "streams cut"], rows),
    ]


def _switches(results: Results) -> list[str]:
    seen = results.switches
    rows = [
        ["switches", f"{len(results.deploy_seconds)} deploys, {len(results.rollback_seconds)} rollbacks"],
        ["failed requests", f"{seen.failed} of {seen.requests}"],
        ["streams cut, or not begun", f"{seen.streams_cut + seen.streams_failed} of {_streams(seen)}"],
        ["latency p50, p99, max", ", ".join(f"{seen.latency_ms[name]:.0f} ms" for name in ("p50", "p99", "max"))],
        ["deploy, shortest to longest", _span(results.deploy_seconds)],
        ["rollback, shortest to longest", _span(results.rollback_seconds)],
    ]
    return [
        "## Switches under load",
        "Deploy and rollback in turn without a pause, under 100 requests a second and 20 streams of 12 s. A switch "
        "that comes before the last one's streams have ended waits for them: that is most of its time here.",
        table(["", ""], rows),
    ]


def _many(results: Results) -> list[str]:
    count, one, every = results.many_hosts
    return [
        "## Many hosts",
        f"A deploy onto one host, and then another one onto {count} at a time (`forks` {count}), all of them on this "
        f"machine with its cores for controller and hosts: {one:.1f} s and {every:.1f} s, {every / one:.1f} times as "
        "long.",
    ]


def _runs(results: Results) -> list[str]:
    rows = [
        [
            NAMES[run.action],
            f"{len(run.remote)} (at most {MOST_RUNS[run.action]})",
            *(f"{seconds:.2f} s" for seconds in (run.start, sum(run.remote), run.between, run.end, run.total)),
        ]
        for run in results.runs
    ]
    head = ["playbook", "remote module runs", "Ansible starts", "modules", "controller between them", "end", "in all"]
    return [
        "## Round trips",
        "Each as ssh saw it, once and without load.",
        table(head, rows),
        "\n".join(_longest(run) for run in results.runs if run.steps),
    ]


def _longest(run: Runs) -> str:
    steps = sorted(run.steps.items(), key=lambda item: -item[1])[:4]
    named = ", ".join(f"`{name}` {seconds:.2f} s" for name, seconds in steps)
    return f"- longest steps of {NAMES[run.action]}: {named}"


def _streams(seen: Sample) -> int:
    return seen.streams_ended + seen.streams_cut + seen.streams_failed


def _span(seconds: Sequence[float]) -> str:
    return f"{min(seconds):.1f} s to {max(seconds):.1f} s"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table that reads as one in a terminal too."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"

    return "\n".join([line(head), line(["-" * max(width, 3) for width in widths]), *map(line, rows)])
