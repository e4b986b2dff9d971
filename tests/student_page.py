"""A student's page for tests: the WebSocket of one browser, with its cookie."""

from __future__ import annotations

import json
import time
from typing import Any

from channels.routing import URLRouter
from channels.sessions import CookieMiddleware

from classroom import tokens
from classroom.models import Participant
from emotions.routing import websocket_urlpatterns
from tests.patient import WAIT_S, WebsocketCommunicator

APPLICATION = CookieMiddleware(URLRouter(websocket_urlpatterns))


class Page:
    """Talks as student.js does, and remembers what it heard."""

    def __init__(
        self,
        participant: Participant,
        *,
        lesson_id: int | None = None,
        cookie: str | None = None,
        language: str = "en",
    ) -> None:
        lesson_id = lesson_id or participant.lesson_id
        cookie = tokens.make(participant) if cookie is None else cookie
        header = f"{tokens.cookie_name(lesson_id)}={cookie}".encode()
        self.socket = WebsocketCommunicator(
            APPLICATION,
            f"/ws/student/{lesson_id}/?language={language}",
            headers=[(b"cookie", header)],
        )
        self.seq = 0

    async def open(self) -> dict[str, Any]:
        """The first message: hello, or why it closes."""
        connected, _ = await self.socket.connect()
        assert connected
        return await self.hear()

    async def hear(self, wanted: str = "") -> dict[str, Any]:
        """The next message, or the next that has `wanted` in it."""
        for _ in range(50):
            message = json.loads(await self.socket.receive_from())
            # A sign of life, every ten seconds, is no answer to anything.
            if wanted in message if wanted else "alive" not in message:
                return message
        raise AssertionError(f"nothing said of {wanted}")

    async def say(self, **message: Any) -> None:
        await self.socket.send_to(text_data=json.dumps(message))

    async def send(self, data: bytes) -> None:
        await self.socket.send_to(bytes_data=data)

    async def shoot(self, jpeg: bytes) -> dict[str, Any]:
        """Send a snapshot and hear the answer to it."""
        self.seq += 1
        await self.send(self.seq.to_bytes(4, "big") + jpeg)
        answer = await self.hear("seq")
        assert answer["seq"] == self.seq
        return answer

    async def camera_on(self) -> None:
        await self.say(camera="on")

    async def closed(self) -> int:
        """The code it is closed with; whatever is said before is skipped."""
        ends_at = time.monotonic() + WAIT_S
        while time.monotonic() < ends_at:
            event = await self.socket.receive_output()
            if event["type"] == "websocket.close":
                return int(event["code"])
        raise AssertionError("still open")

    async def close(self) -> None:
        await self.socket.disconnect()
