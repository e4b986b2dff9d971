"""One holder at a time; it ends by itself, and at once when it is given up."""

from __future__ import annotations

from unittest import IsolatedAsyncioTestCase

from django.core.cache import cache

from emotions.lease import Lease


class LeaseTest(IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        cache.clear()
        self.first, self.second = Lease("test"), Lease("test")

    async def test_first_to_ask_holds_it_and_keeps_it(self) -> None:
        self.assertTrue(await self.first.hold())
        self.assertFalse(await self.second.hold())
        self.assertTrue(await self.first.hold())

    async def test_released_lease_goes_to_the_next(self) -> None:
        await self.first.hold()
        await self.first.release()
        self.assertTrue(await self.second.hold())
        self.assertFalse(await self.first.hold())

    async def test_who_does_not_hold_it_cannot_release_it(self) -> None:
        await self.first.hold()
        await self.second.release()
        self.assertTrue(await self.first.hold())

    async def test_holder_that_went_silent_is_followed_by_another(self) -> None:
        await self.first.hold()
        cache.delete(self.first.key)  # As its end does.
        self.assertTrue(await self.second.hold())
        self.assertFalse(await self.first.hold())
