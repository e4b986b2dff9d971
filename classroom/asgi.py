"""The web application: Django's pages, and sockets for our own pages only.

A browser sends the cookies of a site with a WebSocket opened by any other site, so the handshake
is refused unless its Origin is the very address that it was sent to.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "classroom.settings")

from django.core.asgi import get_asgi_application

pages = get_asgi_application()

# Django is set up from here on, so what uses models can be imported.
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.conf import settings  # noqa: E402
from django.http.request import split_domain_port, validate_host  # noqa: E402

from classroom.routing import Receive, Send, refuse, sockets  # noqa: E402

PORTS = {"http": "80", "https": "443"}


class OwnOrigin:
    """Lets a handshake through when page and socket have one address, among our hosts."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin1")
        host = headers.get(b"host", b"").decode("latin1")
        inner = self.application if same_address(origin, host) else refuse
        await inner(scope, receive, send)


def same_address(origin: str, host: str) -> bool:
    """Whether a page of `origin` talks to its own server at `host`, both as in the headers."""
    try:
        page = urlsplit(origin.lower())
        page_port = str(page.port or PORTS[page.scheme])
    except (ValueError, KeyError):
        return False
    domain, port = split_domain_port(host.lower())
    if page.scheme not in PORTS or (settings.SESSION_COOKIE_SECURE and page.scheme != "https"):
        return False
    page_domain, _ = split_domain_port(page.netloc)
    same = page_domain == domain and page_port == (port or PORTS[page.scheme])
    return same and validate_host(domain, settings.ALLOWED_HOSTS)


application = ProtocolTypeRouter({"http": pages, "websocket": OwnOrigin(sockets)})
