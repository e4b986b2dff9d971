"""A worker in a process of its own: reads the snapshots that the web processes take.

As many as there are processors may run; each claims what is next in the shared queue. SIGTERM
lets it finish what it has in hand and write its slices.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import signal
import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from classroom import migrated, persistence
from emotions import meters
from emotions.embedded import Services

STOP_WITHIN_S = 10.0
HUNG_AFTER_S = 30.0
ALIVE = "worker.alive"


class Command(BaseCommand):
    help = "Read snapshots from the shared queue until SIGTERM; start as many as you like."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.FRAMES_REDIS_URL:
            raise CommandError(
                "Snapshots wait in the web process's own memory, where no other process reaches "
                "them.\nSet REDIS_URL and DATABASE_URL for workers of their own, or let the web "
                "process read them: EMBEDDED_WORKER=on."
            )
        self.check()
        self.check(tags=["serving"], include_deployment_checks=True)
        try:
            persistence.check()
        except persistence.Unfit as error:
            raise CommandError(str(error)) from None
        migrated.check()
        asyncio.run(self.work())

    async def work(self) -> None:
        services = Services(worker=True, web=False)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await services.start()
        watching = asyncio.create_task(keep_watch(services, self.say_it_reads))
        await stop.wait()
        watching.cancel()
        try:
            stopping = asyncio.ensure_future(services.stop())
            stopped, _ = await asyncio.wait({stopping}, timeout=STOP_WITHIN_S)
            if not stopped:
                raise CommandError(f"Cut off: {services.slices.held} samples were not stored.")
            await stopping
        finally:
            faulthandler.cancel_dump_traceback_later()

    def say_it_reads(self) -> None:
        self.stdout.write("The worker reads snapshots. Stop with Ctrl-C.")
        self.stdout.flush()


async def keep_watch(services: Services, say: Callable[[], None]) -> None:
    """End the process when its loop stands still; whoever started it starts it again.

    A snapshot that keeps only the reader's thread is the worker's own affair (`worker.Stuck`).
    """
    said = False
    while True:
        faulthandler.dump_traceback_later(HUNG_AFTER_S, exit=True, file=sys.stderr)
        await tell_health(services)
        if services.reads and not said:
            said = True
            say()
        await asyncio.sleep(meters.BEAT_EVERY_S)


async def tell_health(services: Services) -> None:
    """A container's health check asks how old this file is; a read-only place has none.

    Before the model is loaded and the first heartbeat told, pages say that no worker runs.
    """
    if services.reads:
        with contextlib.suppress(OSError):
            await asyncio.to_thread((settings.DATA_DIR / ALIVE).touch)
