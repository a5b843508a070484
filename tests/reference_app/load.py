# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounded load on a site: requests at a constant rate and streams held open, and what became of each of them.

    with Load(["http://192.0.2.1/api/health", "http://192.0.2.1:8000/health"], rate=100, streams=20) as load:
        ...
    assert load.result.failed == 0, load.result.failures

The load runs in a process of its own, so that the caller's work does not slow it down; it ends with the caller.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

# Run as a file, this directory is on the path, and not the one that holds the package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_app.generator import STREAM, Config, Generator, Result


class Load:
    """The load as a context manager; `result` is there once it has ended."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        rate: float = Config.rate,
        streams: int = 0,
        stream_urls: Sequence[str] = (),
        timeout: float = Config.timeout,
        max_seconds: float = Config.max_seconds,
    ) -> None:
        self._config = Config(tuple(urls), rate, streams, tuple(stream_urls), timeout, max_seconds)
        self._process: subprocess.Popen[str] | None = None
        self._result: Result | None = None

    @property
    def result(self) -> Result:
        if self._result is None:
            raise RuntimeError("the load has not ended: its result is there after the with block")
        return self._result

    def _arguments(self) -> list[str]:
        config = self._config
        return [
            *config.urls,
            f"--rate={config.rate}",
            f"--streams={config.streams}",
            f"--timeout={config.timeout}",
            f"--max-seconds={config.max_seconds}",
            *(f"--stream-url={url}" for url in config.stream_urls),
        ]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--until-eof", *self._arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self._process.communicate()
            raise RuntimeError(f"the load did not start (exit {self._process.returncode}); see its error above")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        try:
            output, _none = self._process.communicate(timeout=self._config.timeout + 30)
        finally:
            self._process.kill()
        if self._process.returncode:
            raise RuntimeError(f"the load failed (exit {self._process.returncode}); see its error above")
        self._result = Result.from_json(output)


async def _main(config: Config, *, until_eof: bool) -> Result:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        loop.add_reader(sys.stdin, stop.set)

    def ready() -> None:
        if until_eof:
            print("ready", flush=True)

    return await Generator(config).run(stop, ready)


def main() -> None:
    parser = argparse.ArgumentParser(description="Put a constant load on a site; prints what became of it as JSON.")
    parser.add_argument("urls", nargs="+", metavar="URL", help="http://... to GET, or 'POST http://...'")
    parser.add_argument("--rate", type=float, default=Config.rate, help="requests a second (%(default)s)")
    parser.add_argument("--streams", type=int, default=Config.streams, help="streams held open (%(default)s)")
    parser.add_argument("--stream-url", action="append", default=[], help=f"default: {STREAM} beside each URL")
    parser.add_argument("--timeout", type=float, default=Config.timeout, help="seconds for an answer (%(default)s)")
    parser.add_argument("--max-seconds", type=float, default=Config.max_seconds, help="ends then (%(default)s)")
    parser.add_argument("--until-eof", action="store_true", help="say 'ready', and end when standard input does")
    chosen = parser.parse_args()
    # A stream is a file: take as many as the system grants.
    _soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        config = Config(chosen.urls, chosen.rate, chosen.streams, chosen.stream_url, chosen.timeout, chosen.max_seconds)
    except ValueError as error:
        parser.error(str(error))
    result = asyncio.run(_main(config, until_eof=chosen.until_eof))
    print(json.dumps(asdict(result), indent=2))


if __name__ == "__main__":
    main()
