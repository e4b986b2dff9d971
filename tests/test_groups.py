"""After Redis began anew, every socket of the process joins its groups again."""

from __future__ import annotations

import time
from unittest import IsolatedAsyncioTestCase

from channels.layers import get_channel_layer
from django.core.cache import cache

from classroom.sockets import Socket, connected
from emotions.groups import MARK, RENEW_AFTER_S, Groups


class GroupsTest(IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        cache.clear()
        connected.clear()
        self.layer = get_channel_layer()
        self.socket = Socket()
        self.socket.channel_layer = self.layer
        self.socket.channel_name = await self.layer.new_channel()
        await self.socket.join("students.1", "student.7")
        self.groups = Groups()
        await self.groups.look()

    async def told(self) -> list[str]:
        joined: list[str] = []

        class Layer:
            async def group_add(self, group: str, channel: str) -> None:
                joined.append(group)

        self.socket.channel_layer = Layer()
        await self.groups.look()
        return joined

    async def test_nothing_is_joined_again_while_redis_lives(self) -> None:
        self.assertEqual(await self.told(), [])

    async def test_redis_that_began_anew_has_all_groups_joined_again(self) -> None:
        cache.delete(MARK)
        self.assertEqual(await self.told(), ["students.1", "student.7"])
        self.assertEqual(await self.told(), [])

    async def test_membership_is_renewed_before_the_layer_forgets_it(self) -> None:
        self.groups.renewed_at = time.monotonic() - RENEW_AFTER_S - 1
        self.assertEqual(await self.told(), ["students.1", "student.7"])

    async def test_socket_that_left_joins_nothing(self) -> None:
        await self.socket.leave_groups()
        cache.delete(MARK)
        self.assertEqual(await self.told(), [])
