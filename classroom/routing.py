"""Every WebSocket address, and what stands in front of each.

Students have no account, only a signed cookie, so their socket asks the database for no session;
the teacher's socket does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import URLPattern, re_path

import dashboard.routing
import emotions.routing

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def turn_away(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Close before accepting: the browser gets a plain 403 and the log no traceback."""
    await receive()
    await send({"type": "websocket.close"})


refuse: Any = turn_away  # Django's types know only views that answer pages


def behind(wrap: Callable[[Any], Any], routes: list[URLPattern]) -> list[URLPattern]:
    return [
        URLPattern(route.pattern, wrap(route.callback), route.default_args, route.name)
        for route in routes
    ]


sockets = URLRouter(
    [
        *behind(CookieMiddleware, emotions.routing.websocket_urlpatterns),
        *behind(AuthMiddlewareStack, dashboard.routing.websocket_urlpatterns),
        re_path("", refuse),
    ]
)
