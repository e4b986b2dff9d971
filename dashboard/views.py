"""The teacher's pages: a lesson live, its report, the history, and what all of it can tell."""

from __future__ import annotations

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from classroom import access, installation, lessons
from classroom.models import Course, Lesson, Participant
from classroom.views import invite
from dashboard import accuracy, drawer, exports, metrics
from dashboard import history as past
from dashboard import status as health
from dashboard.forms import FlagSettingsForm

LESSONS_A_PAGE = 25


@access.account_needed
@never_cache
@require_safe
def live(request: HttpRequest, lesson_id: int) -> HttpResponse:
    lesson = access.lesson_for_teacher(request.user, lesson_id)
    if not lesson.is_open:
        return redirect("lesson", lesson.pk)
    data = {
        "lesson": lesson.pk,
        "socket": f"/ws/teacher/{lesson.pk}/",
        "base": f"/lessons/{lesson.pk}/",
        "analysis": lesson.analysis,
    }
    quiet = lessons.is_quiet(lesson, timezone.now())
    content = {"course": lesson.course, "data": data, "is_quiet": quiet}
    content |= invite.sheet(request, lesson)
    return render(request, "dashboard/live.html", content)


@access.account_needed
@never_cache
@require_safe
def lesson_student(request: HttpRequest, lesson_id: int, student_id: int) -> JsonResponse:
    """One student of this lesson so far, for the drawer of its teacher's live page."""
    lesson = access.lesson_for_teacher(request.user, lesson_id)
    inside = Participant.objects.filter(lesson=lesson).select_related("lesson")
    student = get_object_or_404(inside, pk=student_id)
    access.log_student_opened(request.user, student, request.session)
    return JsonResponse(drawer.so_far(student, timezone.now()))


@access.account_needed
@never_cache
@require_safe
def lesson(request: HttpRequest, lesson_id: int) -> HttpResponse:
    """The lesson where it stands: live while it is open, its report afterwards."""
    found = access.lesson_for_history(request.user, lesson_id)
    if not found.is_open:
        access.log_report_opened(request.user, found)
        individuals = access.sees_individuals(request.user, found, request.session)
        made = past.report(found, individuals=individuals)
        content = {
            "lesson": found,
            "report": made,
            "individuals": individuals,
            "data": {"charts": made.charts},
        }
        return render(request, "dashboard/report.html", content)
    if access.may_teach(request.user, found):
        return redirect("live", found.pk)
    messages.info(request, _("This lesson is still open. Its report comes when it has ended."))
    return redirect("history")


def exported(request: HttpRequest, lesson_id: int) -> tuple[Lesson, bool]:
    """The closed lesson that this person may take away, and whether with names."""
    lesson = access.lesson_for_history(request.user, lesson_id)
    if lesson.is_open:
        raise Http404(_("The export comes when the lesson has ended."))
    if not access.sees_individuals(request.user, lesson, request.session):
        raise PermissionDenied
    names = request.GET.get("names") == "on"
    access.log_exported(request.user, lesson, names=names)
    return lesson, names


@access.account_needed
@never_cache
@require_safe
def export_csv(request: HttpRequest, lesson_id: int) -> HttpResponse:
    lesson, names = exported(request, lesson_id)
    text = exports.as_csv(lesson, names=names)
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{exports.file_name(lesson, "csv")}"'
    return response


@access.account_needed
@never_cache
@require_safe
def export_json(request: HttpRequest, lesson_id: int) -> JsonResponse:
    lesson, names = exported(request, lesson_id)
    found = exports.as_json(lesson, names=names)
    response = JsonResponse(found, json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{exports.file_name(lesson, "json")}"'
    return response


@login_required
@never_cache
@require_safe
def history(request: HttpRequest) -> HttpResponse:
    wanted = past.search(request.GET.dict())
    pages = Paginator(past.past_lessons(request.user, wanted), LESSONS_A_PAGE)
    page = pages.get_page(request.GET.get("page"))
    content = {
        "page": page,
        "lines": [line_of(request, lesson) for lesson in page.object_list],
        "wanted": wanted,
        "courses": past.courses_of(request.user),
        "whole_school": access.is_admin(request.user),
        "rest_of_address": without_page(request),
    }
    return render(request, "dashboard/history.html", content)


def line_of(request: HttpRequest, lesson: Lesson) -> past.LessonLine:
    individuals = access.sees_individuals(request.user, lesson, request.session)
    return past.lesson_line(lesson, individuals=individuals)


def without_page(request: HttpRequest) -> str:
    """The filters, to be carried from page to page."""
    fields = request.GET.copy()
    fields.pop("page", None)
    return fields.urlencode()


@access.account_needed
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def course_settings(request: HttpRequest, course_id: int) -> HttpResponse:
    course = get_object_or_404(Course, pk=course_id, teacher_id=request.user.pk)
    name = course.name
    form = FlagSettingsForm(request.POST or None, instance=course)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved. It counts from the next lesson on."))
        return redirect("course-settings", course_id)
    content = {"course_name": name, "course_id": course_id, "form": form}
    status = 400 if form.errors else 200
    return render(request, "dashboard/course_settings.html", content, status=status)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    content = {
        "measured": accuracy.measured(),
        "analysis": installation.analysis_on(),
        "days": settings.KEEP_SLICES_DAYS,
    }
    return render(request, "dashboard/about.html", content)


@never_cache
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """A page for whoever is logged in, with figures for staff; JSON for who asks for it."""
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return status_for_machines(request)
    return status_page(request)


@login_required
def status_page(request: HttpRequest) -> HttpResponse:
    parts = async_to_sync(health.parts)()
    content = {"parts": parts, "figures": access.is_admin(request.user)}
    return render(request, "dashboard/status.html", content)


@never_cache
@require_safe
def status_for_machines(request: HttpRequest) -> JsonResponse:
    """For health checks: no account needed, no figures without the right to measure."""
    parts = async_to_sync(health.parts)()
    told = health.for_machines(parts, figures=access.may_measure(request))
    return JsonResponse(told, status=200 if told["ok"] else 503)


@never_cache
@require_safe
def measures(request: HttpRequest) -> HttpResponse:
    """For Prometheus, with METRICS_TOKEN or on this machine; 404 tells others nothing."""
    if not access.may_measure(request):
        raise Http404
    return HttpResponse(async_to_sync(metrics.text)(), content_type=metrics.CONTENT_TYPE)
