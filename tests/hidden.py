"""A Chromium whose tabs can really be hidden, driven over its own DevTools protocol.

Playwright keeps every page of its browsers visible (it emulates focus), so a tab behind another
one has to be made without it.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from websockets.sync.client import connect

from tests.conftest import BROWSER_FLAGS, needs_chromium
from tests.running import free_port

START_S = 30


class Tabs:
    def __init__(self, profile: Path, camera: Path) -> None:
        self.port = free_port()
        self.process = subprocess.Popen(
            [
                needs_chromium(),
                *BROWSER_FLAGS,
                "--headless=new",
                "--no-sandbox",
                f"--remote-debugging-port={self.port}",
                "--remote-allow-origins=*",
                f"--user-data-dir={profile}",
                f"--use-file-for-fake-video-capture={camera}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + START_S
        while True:
            try:
                return self.ask("/json/version") and None
            except OSError:
                assert time.monotonic() < deadline, "Chromium does not start"
                time.sleep(0.2)

    def ask(self, path: str, method: str = "GET") -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else text

    def open(self, url: str) -> dict[str, Any]:
        return self.ask(f"/json/new?{quote(url, safe=':/')}", "PUT")

    def bring_forward(self, tab: dict[str, Any]) -> None:
        self.ask(f"/json/activate/{tab['id']}")

    def call(self, tab: dict[str, Any], method: str, **params: Any) -> Any:
        with connect(tab["webSocketDebuggerUrl"], max_size=None) as socket:
            socket.send(json.dumps({"id": 1, "method": method, "params": params}))
            while True:
                message = json.loads(socket.recv(timeout=60))
                if message.get("id") == 1:
                    return message["result"]

    def evaluate(self, tab: dict[str, Any], code: str) -> Any:
        found = self.call(tab, "Runtime.evaluate", expression=code, returnByValue=True)
        return found["result"].get("value")

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)
