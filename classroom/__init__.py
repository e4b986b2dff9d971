"""The Django project, and who is in the room: courses, lessons, participants, consent."""
