"""Run inside a school's own settings: opens a lesson with students, and prints their cookies.

`manage.py shell -c "from tests import enrol; enrol.tell(URL, STUDENTS)"`
"""

from __future__ import annotations

import json

from classroom.management.commands.loadtest import LoadRoom


def tell(url: str, students: int) -> None:
    room = LoadRoom(url, students, 1.0)
    room.open()
    place = room.place()
    told = {"lesson": place.lesson, "teacher": place.teacher_cookie, "students": room.cookies}
    print(json.dumps(told))
