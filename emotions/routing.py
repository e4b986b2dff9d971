"""The student's WebSocket address."""

from __future__ import annotations

from django.urls import path

from emotions.sockets import StudentSocket

websocket_urlpatterns = [
    path("ws/student/<int:lesson_id>/", StudentSocket.as_asgi(), name="student-socket"),
]
