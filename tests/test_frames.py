"""The snapshot queue of one process keeps the contract."""

from __future__ import annotations

from unittest import IsolatedAsyncioTestCase

from emotions.frames import Frame, Frames, MemoryFrames
from tests.frames_contract import Clock, FramesContract


class MemoryFramesTest(FramesContract, IsolatedAsyncioTestCase):
    def make_frames(self, clock: Clock, *, capacity: int = 100) -> Frames:
        return MemoryFrames(capacity, clock=clock)

    async def test_frame_in_a_traceback_shows_no_picture(self) -> None:
        self.assertNotIn("secret", repr(Frame(1, 2, 3, 4.0, b"secret")))
