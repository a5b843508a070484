# Copyright (c) 2026, Blyan operators
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The app in a slot, as far as it keeps a registry of GPU nodes."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

Answer = tuple[int, Any]

NODE = {
    "node_id": "gpu_a",
    "endpoint": "http://192.0.2.7:8001",
    "available_experts": ["layer_0"],
    "load_factor": 0.5,
    "last_heartbeat": 1.0,
    "donor_mode": True,
}


@dataclass
class App:
    """What it knows, and how it answers.

    Args:
        nodes: the nodes that it lists.
        key: the key that it wants; empty for any.
        listing: its answer for the listing, where that is not the nodes.
        registering: its answer for a registration, where it does not take it.
        forgets: whether it says that it takes a node, and does not.
        registered: what it was sent, in order.
    """

    nodes: list[dict[str, Any]] = field(default_factory=list)
    key: str = ""
    listing: Answer | None = None
    registering: Answer | None = None
    forgets: bool = False
    registered: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, method: str, path: str, key: str, sent: bytes) -> Answer:
        """The status and the JSON value for a request."""
        if path == "/health":
            return 200, {"status": "healthy"}
        if self.key and key != self.key:
            return 401, {"detail": "Invalid or missing API key"}
        if (method, path) == ("GET", "/p2p/nodes"):
            return self.listing or (200, {"nodes": self.nodes, "total_nodes": len(self.nodes)})
        if (method, path) == ("POST", "/p2p/register"):
            return self.registering or self._register(json.loads(sent))
        return 404, {"detail": "Not Found"}

    def _register(self, told: dict[str, Any]) -> Answer:
        self.registered.append(told)
        if not self.forgets:
            self.nodes.append({**told, "endpoint": f"http://{told['host']}:{told['port']}"})
        return 200, {"status": "success"}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


@contextmanager
def running(app: App, at: Path) -> Iterator[App]:
    """The app answers on a Unix socket."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, value = app.answer(self.command, self.path, self.headers.get("X-API-Key", ""), sent)
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    with _Server(str(at), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield app
        finally:
            server.shutdown()
            thread.join(10)
