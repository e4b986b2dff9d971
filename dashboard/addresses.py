"""The addresses of the live page and its buttons, of reports, history, about and status."""

from __future__ import annotations

from django.urls import path

from dashboard import practising, steering, views

LESSON = "lessons/<int:lesson_id>/"
STUDENT = LESSON + "students/<int:student_id>/"
FLAG = LESSON + "flags/<int:flag_id>/"

urlpatterns = [
    path(LESSON, views.lesson, name="lesson"),
    path(LESSON + "live/", views.live, name="live"),
    path(LESSON + "export.csv", views.export_csv, name="lesson-csv"),
    path(LESSON + "export.json", views.export_json, name="lesson-json"),
    path(LESSON + "end/", steering.end, name="lesson-end"),
    path(LESSON + "pause/", steering.pause, name="lesson-pause"),
    path(LESSON + "resume/", steering.resume, name="lesson-resume"),
    path(LESSON + "lock/", steering.lock, name="lesson-lock"),
    path(LESSON + "unlock/", steering.unlock, name="lesson-unlock"),
    path(LESSON + "quiet/", steering.quiet, name="lesson-quiet"),
    path(LESSON + "marker/", steering.marker, name="lesson-marker"),
    path(STUDENT, views.lesson_student, name="lesson-student"),
    path(STUDENT + "remove/", steering.remove, name="student-remove"),
    path(STUDENT + "readmit/", steering.readmit, name="student-readmit"),
    path(STUDENT + "rename/", steering.rename, name="student-rename"),
    path(FLAG + "dismiss/", steering.dismiss, name="flag-dismiss"),
    path(FLAG + "snooze/", steering.snooze, name="flag-snooze"),
    path(FLAG + "verdict/", steering.verdict, name="flag-verdict"),
    path("courses/<int:course_id>/settings/", views.course_settings, name="course-settings"),
    path("history/", views.history, name="history"),
    path("about/", views.about, name="about"),
    path("status/", views.status, name="status"),
    path("status.json", views.status_for_machines, name="status-machines"),
    path("metrics", views.measures, name="metrics"),
    path("practice/delete/", practising.delete, name="practice-delete"),
]
