"""The teacher's WebSocket address."""

from __future__ import annotations

from django.urls import path

from dashboard.sockets import TeacherSocket

websocket_urlpatterns = [
    path("ws/teacher/<int:lesson_id>/", TeacherSocket.as_asgi(), name="teacher-socket"),
]
