"""A WebSocket for tests whose patience a busy machine does not try.

Channels' own waits one second by default, and then cancels the consumer without a word: what it
had still to do, such as leaving its room, is not done, and the test fails a line later.
"""

from __future__ import annotations

from typing import Any

from channels import testing

WAIT_S = 60.0


class WebsocketCommunicator(testing.WebsocketCommunicator):
    """All its waiting comes down to these two, whose own seconds are not heeded."""

    async def receive_output(self, *_: float) -> Any:
        return await super().receive_output(WAIT_S)

    async def wait(self, *_: float) -> None:
        await super().wait(WAIT_S)
