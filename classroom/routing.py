"""Every WebSocket address, and what stands in front of each.

Students have no account, only a signed cookie, so their socket asks the database for no session;
the teacher's socket does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.sessions import CookieMiddleware
from django.urls import URLPattern, re_path

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def turn_away(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Close before accepting: the browser gets a plain 403 and the log no traceback."""
    await receive()
    await send({"type": "websocket.close"})


refuse: Any = turn_away  # Django's types know only views that answer pages


def behind(wrap: Callable[[Any], Any], module: str) -> list[URLPattern]:
    """The sockets that the module lists, each behind `wrap`."""
    if not find_spec(module):
        return []
    return [
        URLPattern(route.pattern, wrap(route.callback), route.default_args, route.name)
        for route in import_module(module).websocket_urlpatterns
    ]


sockets = URLRouter(
    [
        *behind(CookieMiddleware, "emotions.routing"),
        *behind(AuthMiddlewareStack, "dashboard.routing"),
        re_path("", refuse),
    ]
)
