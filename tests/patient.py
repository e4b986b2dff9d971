"""A WebSocket for tests whose patience a busy machine does not try.

Channels' own waits one second by default, and then cancels the consumer without a word: what it
had still to do, such as leaving its room, is not done, and the test fails a line later. It also
keeps every connection to the database open that a thread lets go while a test waits; on Postgres
the database could then not be dropped after the tests. Nothing here needs that, so it is left out.
"""

from __future__ import annotations

from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels import testing

WAIT_S = 60.0


class WebsocketCommunicator(testing.WebsocketCommunicator):
    """All that it does comes down to these three; other seconds than ours are not heeded."""

    async def send_input(self, message: dict[str, Any]) -> None:
        await ApplicationCommunicator.send_input(self, message)

    async def receive_output(self, *_: float) -> Any:
        return await ApplicationCommunicator.receive_output(self, WAIT_S)

    async def wait(self, *_: float) -> None:
        await ApplicationCommunicator.wait(self, WAIT_S)
