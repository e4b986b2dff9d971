"""Runs the web server in this process, with the embedded services on the same event loop.

Daphne has no lifespan protocol, so the services start in its `ready_callable`, and the signals are
ours: on SIGTERM the services are drained, their slices written, and only then the reactor stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

# Importing daphne's server first installs Twisted's asyncio reactor.
from daphne.server import Server
from twisted.internet import error
from twisted.internet import reactor as installed_reactor
from twisted.internet.endpoints import quoteStringArgument

from classroom.certificates import Certificate

logger = logging.getLogger(__name__)

# Twisted describes its reactor by interfaces that type checkers cannot follow.
reactor: Any = installed_reactor

DRAIN_S = 8
# Student sockets answer up to 64 KiB themselves, with words; what is far beyond is cut off here.
LARGEST_MESSAGE = 256 * 1024
LONGEST_REQUEST_S = 120
# Twisted's own is 50. When a whole school joins in one second the system drops what is beyond, and
# browsers knock again only after 1, 3, 7 and 15 seconds.
BACKLOG = 1024
# Daphne's own is 5: on a busy machine it hung up on most of a school that joined at once.
LONGEST_HANDSHAKE_S = 30


class CannotListen(Exception):
    """The address or port is not to be had; the text is for the person at the terminal."""


class Services(Protocol):
    """What lives beside the web server on its loop."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen, and with which certificate, if any."""

    bind: str
    port: int
    certificate: Certificate | None = None

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET6 if ":" in self.bind else socket.AF_INET

    @property
    def endpoint(self) -> str:
        """In Twisted's words; colons and backslashes in paths must be quoted there."""
        place = f"{self.port}:interface={quoteStringArgument(self.bind)}"
        if self.certificate is None:
            return f"tcp:{place}:backlog={BACKLOG}"
        key = quoteStringArgument(str(self.certificate.key))
        certificate = quoteStringArgument(str(self.certificate.certificate))
        return f"ssl:{place}:privateKey={key}:certKey={certificate}:backlog={BACKLOG}"

    def address(self, host: str) -> str:
        scheme, usual = ("http", 80) if self.certificate is None else ("https", 443)
        shown = f"[{host}]" if ":" in host else host
        return f"{scheme}://{shown}" if self.port == usual else f"{scheme}://{shown}:{self.port}"


def claim(place: Place) -> None:
    """Try the port and let it go again, so that a taken one stops us before anything is changed."""
    with socket.socket(place.family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((place.bind, place.port))
            probe.listen(1)
        except PermissionError:
            raise CannotListen(
                f"Port {place.port} needs root. Choose one from 1024 on: make run PORT=8000"
            ) from None
        except OSError as problem:
            raise CannotListen(
                f"Cannot listen on {place.bind}, port {place.port}: {problem.strerror}. "
                f"Choose another: make run PORT={place.port + 1}"
            ) from None


class Web(Server):
    """Daphne's server, which tells why it could not listen."""

    problem = ""

    def listen_error(self, failure: Any) -> None:
        self.problem = failure.getErrorMessage()
        self.stop()


class Beside:
    """Starts the services with the loop, and ends both: first the services, then the loop.

    Daphne's own way cancels every socket on the signal; ours lets the services say goodbye on
    them and store what is in hand while the loop still runs as ever.
    """

    def __init__(self, services: Services) -> None:
        self.services = services
        self.tasks: list[asyncio.Future[None]] = []
        self.ending = False
        self.failed = False

    def start(self) -> None:
        """Called when the port is open, just before the loop runs."""
        loop = reactor._asyncioEventloop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        self.tasks.append(asyncio.ensure_future(self._start(), loop=loop))

    def end(self) -> None:
        """Drain and stop; asked a second time, stop at once."""
        if self.ending:
            self._stop_loop()
            return
        self.ending = True
        self.tasks.append(asyncio.ensure_future(self._end()))

    async def _start(self) -> None:
        try:
            await self.services.start()
        except Exception:
            logger.exception("The embedded services did not start")
            self.failed = True
            self.end()

    async def _end(self) -> None:
        starting = self.tasks[0]
        if not starting.done():
            starting.cancel()
        try:
            await asyncio.wait_for(self.services.stop(), DRAIN_S)
        except TimeoutError:
            logger.error("The embedded services were not done in %s s: some are cut off", DRAIN_S)
        except Exception:
            logger.exception("The embedded services did not stop cleanly")
        self._stop_loop()

    def _stop_loop(self) -> None:
        with contextlib.suppress(error.ReactorNotRunning):
            reactor.stop()


def serve(place: Place, services: Services, *, listening: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; `listening` is called once the port is open."""
    from classroom.asgi import application

    beside = Beside(services)

    def ready() -> None:
        beside.start()
        listening()

    web = Web(
        application=application,
        endpoints=[place.endpoint],
        signal_handlers=False,
        http_timeout=LONGEST_REQUEST_S,
        websocket_timeout=-1,
        websocket_connect_timeout=LONGEST_HANDSHAKE_S,
        websocket_handshake_timeout=LONGEST_HANDSHAKE_S,
        ping_interval=20,
        websocket_max_message_size=LARGEST_MESSAGE,
        websocket_max_frame_size=LARGEST_MESSAGE,
        ready_callable=ready,
        server_name="classroom",
    )
    web.run()
    if web.problem:
        raise CannotListen(web.problem)
    if beside.failed:
        raise SystemExit(1)
