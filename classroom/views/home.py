"""Home: a code field for whoever is not logged in; open lessons and courses for a teacher."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from classroom import access, languages, lessons, setup
from classroom.forms import CodeForm, CourseForm
from classroom.models import Course, Lesson

IN_THE_ROOM = timedelta(minutes=5)


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    if request.user.is_authenticated:
        return courses(request, CourseForm(request.user))
    if not setup.has_accounts():
        return render(request, "home/not_set_up.html")
    return render(request, "home/landing.html", {"form": CodeForm()})


def courses(request: HttpRequest, form: CourseForm) -> HttpResponse:
    now = timezone.now()
    own = Course.objects.filter(teacher_id=request.user.pk)
    content = {
        "open_lessons": [described(lesson, now) for lesson in open_lessons(own, now)],
        "courses": listed(own),
        "form": form,
        # Not the address a form was sent to: that one cannot be looked at.
        "language_next": reverse("home"),
    }
    return render(request, "home/courses.html", content, status=400 if form.errors else 200)


def listed(own: QuerySet[Course]) -> QuerySet[Course]:
    """Courses with their last lesson; one that only ever practised goes on practising."""
    practised = Q(lessons__mode=Lesson.Mode.PRACTICE)
    return own.annotate(
        last_opened=Max("lessons__opened_at"),
        open_lesson=Max("lessons__pk", filter=Q(lessons__closed_at=None)),
        practised=Count("lessons", filter=practised),
        real=Count("lessons", filter=Q(lessons__isnull=False) & ~practised),
    ).order_by("name")


def open_lessons(own: QuerySet[Course], now: datetime) -> QuerySet[Lesson]:
    there = Q(participants__left_at=None, participants__removed_at=None) & (
        Q(participants__seen_at=None) | Q(participants__seen_at__gte=now - IN_THE_ROOM)
    )
    found = Lesson.objects.filter(course__in=own, closed_at=None).select_related("course")
    return found.annotate(in_room=Count("participants", filter=there)).order_by("opened_at")


def described(lesson: Lesson, now: datetime) -> dict[str, object]:
    return {
        "lesson": lesson,
        "minutes": max(0, int((now - lesson.opened_at).total_seconds() // 60)),
        "closing_at": lessons.closing_at(lesson, now),
    }


@login_required
@require_POST
def course_new(request: HttpRequest) -> HttpResponse:
    form = CourseForm(request.user, request.POST)
    if not form.is_valid():
        return courses(request, form)
    form.save()
    return redirect("home")


@access.account_needed
@require_POST
def lesson_start(request: HttpRequest, course_id: int) -> HttpResponse:
    course = get_object_or_404(Course, pk=course_id, teacher_id=request.user.pk)
    if request.POST.get("mode") == Lesson.Mode.PRACTICE:
        return started(request, course, Lesson.Mode.PRACTICE)
    return started(request, course, Lesson.Mode.LIVE)


@login_required
@require_POST
def practice_start(request: HttpRequest) -> HttpResponse:
    return started(request, practice_course(request.user), Lesson.Mode.PRACTICE)


def practice_course(teacher: Any) -> Course:
    """Made once, in the language of who first wanted it, and found again in any other."""
    names = languages.practice_courses()
    known = Course.objects.filter(teacher=teacher, name__in=names).order_by("pk").first()
    if known is not None:
        return known
    return Course.objects.get_or_create(teacher=teacher, name=_(languages.PRACTICE_COURSE))[0]


def started(request: HttpRequest, course: Course, mode: str) -> HttpResponse:
    """Open the lesson; a simulated class needs no invitation, a real one starts with it."""
    try:
        lesson = lessons.open(course, title=request.POST.get("title", ""), mode=mode)
    except lessons.CannotOpen:
        messages.error(request, _("The lesson could not be opened. Try again."))
        return redirect("home")
    return redirect("live" if lesson.is_simulated else "lesson-invite", lesson.pk)
