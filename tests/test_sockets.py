"""The sockets' base class: says why it closes, keeps its tasks, and leaves the database alone."""

from __future__ import annotations

import asyncio
import json
from typing import ClassVar
from unittest import IsolatedAsyncioTestCase
from unittest.mock import patch

from django.test import SimpleTestCase

from classroom import sockets
from classroom.sockets import Socket, end
from tests.patient import WebsocketCommunicator


class Echo(Socket):
    """Accepts, starts a task that never ends, and sends back what it hears."""

    async def connect(self) -> None:
        await self.accept()
        self.endless = self.keep(asyncio.Event().wait())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "go":
            await self.refuse(sockets.ENDED, "This lesson has ended.")
        else:
            await self.send_json({"heard": text_data})


class Shut(Socket):
    async def connect(self) -> None:
        await self.refuse(sockets.NO_TOKEN, "Join again with the link.")


class SocketTest(SimpleTestCase):
    async def open(self, kind: type[Socket]) -> WebsocketCommunicator:
        socket = WebsocketCommunicator(kind.as_asgi(), "/")
        connected, _ = await socket.connect()
        self.assertTrue(connected)
        return socket

    async def test_message_goes_out_compact_and_readable(self):
        socket = await self.open(Echo)
        await socket.send_to(text_data="आशा")
        self.assertEqual(await socket.receive_from(), '{"heard":"आशा"}')
        await socket.disconnect()

    async def test_refused_page_is_told_why_before_the_close(self):
        socket = await self.open(Shut)
        self.assertEqual(
            json.loads(await socket.receive_from()),
            {"closing": "Join again with the link.", "code": 4401},
        )
        closing = await socket.receive_output()
        self.assertEqual((closing["type"], closing["code"]), ("websocket.close", 4401))

    async def test_page_that_went_a_moment_ago_is_no_error(self):
        socket = Echo()
        socket.accepted = True
        with patch.object(Socket, "send", side_effect=RuntimeError("closed protocol")) as send:
            await socket.send_json({"alive": 1})
            await socket.send_json({"alive": 2})
            await socket.refuse(sockets.ENDED, "This lesson has ended.")
        self.assertEqual(send.call_count, 1)

    async def test_open_socket_can_be_refused_later_and_says_nothing_after(self):
        socket = await self.open(Echo)
        await socket.send_to(text_data="go")
        self.assertEqual(json.loads(await socket.receive_from())["code"], 4410)
        self.assertEqual((await socket.receive_output())["code"], 4410)
        await socket.send_to(text_data="still here?")
        self.assertTrue(await socket.receive_nothing())

    async def test_tasks_end_with_the_socket(self):
        seen: list[Socket] = []
        with patch.object(Echo, "__init__", remember(seen)):
            socket = await self.open(Echo)
        await socket.disconnect()
        self.assertTrue(seen[0].endless.cancelled())
        self.assertEqual(seen[0].tasks, set())

    async def test_socket_that_fails_or_is_cancelled_still_leaves_once(self):
        class Failing(Socket):
            left: ClassVar[list[int]] = []

            async def connect(self):
                await self.accept()
                self.keep(asyncio.Event().wait())

            async def receive(self, text_data=None, bytes_data=None):
                raise LookupError

            async def disconnect(self, code):
                self.left.append(code)

        failing = WebsocketCommunicator(Failing.as_asgi(), "/")
        await failing.connect()
        await failing.send_to(text_data="x")
        with self.assertRaises(LookupError):
            await failing.wait()
        cancelled = WebsocketCommunicator(Failing.as_asgi(), "/")
        await cancelled.connect()
        cancelled.future.cancel()
        await asyncio.wait([cancelled.future])
        self.assertEqual(Failing.left, [1006, 1006])

    async def test_message_does_not_wait_for_the_shared_database_thread(self):
        with patch("channels.consumer.aclose_old_connections", side_effect=AssertionError):
            socket = await self.open(Echo)
            await socket.send_to(text_data="hello")
            self.assertEqual(await socket.receive_from(), '{"heard":"hello"}')
            await socket.disconnect()


def remember(seen: list[Socket]):
    def init(self: Socket, *args: object, **kwargs: object) -> None:
        Socket.__init__(self, *args, **kwargs)
        seen.append(self)

    return init


class EndTest(IsolatedAsyncioTestCase):
    async def test_task_that_swallowed_its_cancelling_is_cancelled_again(self) -> None:
        swallowed = 0

        async def stubborn() -> None:
            nonlocal swallowed
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1
            await asyncio.sleep(3600)

        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        await asyncio.wait_for(end([task]), 60)
        self.assertTrue(task.cancelled())
        self.assertEqual(swallowed, 1)

    async def test_nothing_to_end_is_fine(self) -> None:
        await end([])
