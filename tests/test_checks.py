"""Shapes that cannot work are refused with the line to change."""

from __future__ import annotations

import sqlite3

import pytest

from classroom import checks

PUBLIC = ["pulse.example.org"]


def ids(messages) -> list[str]:
    return [message.id for message in messages]


@pytest.fixture(autouse=True)
def nothing_stated(monkeypatch, settings):
    for name in ("SECRET_KEY", "SECRET_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    settings.EXPRESSION_ANALYSIS = ""
    settings.DEBUG = False


def test_local_site_needs_nothing(settings):
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", ".localhost"]
    assert checks.public_site_states_itself() == []


@pytest.mark.parametrize("host", ["pulse.example.org", "*", ".school.example", "10.0.0.7"])
def test_public_site_states_secret_and_analysis(settings, host):
    settings.ALLOWED_HOSTS = ["localhost", host]
    found = checks.public_site_states_itself()
    assert ids(found) == ["classroom.E002", "classroom.E003"]
    assert "SECRET_KEY" in found[0].hint
    assert "EXPRESSION_ANALYSIS=off" in found[1].hint


def test_public_site_that_states_both_is_fine(settings, monkeypatch, tmp_path):
    settings.ALLOWED_HOSTS = PUBLIC
    settings.EXPRESSION_ANALYSIS = "off"
    (tmp_path / "key").write_text("x" * 50)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert checks.public_site_states_itself() == []


def test_debug_in_public_is_refused(settings):
    settings.ALLOWED_HOSTS = PUBLIC
    settings.DEBUG = True
    assert ids(checks.public_site_states_itself()) == ["classroom.E001"]
    settings.ALLOWED_HOSTS = ["localhost"]
    assert checks.public_site_states_itself() == []


def test_snapshots_in_memory_need_the_embedded_worker(settings):
    settings.EMBEDDED_WORKER = False
    assert ids(checks.a_worker_is_somewhere()) == ["classroom.E005"]
    settings.EMBEDDED_WORKER = True
    assert checks.a_worker_is_somewhere() == []


SQLITE = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
POSTGRES = {"default": {"ENGINE": "django.db.backends.postgresql"}}


def engines(settings, database, redis="", frames=""):
    settings.DATABASES = database
    settings.REDIS_URL, settings.FRAMES_REDIS_URL = redis, frames or redis
    return ids(checks.engines_fit_together())


# Django warns of any change to DATABASES; these are only looked at, never connected to.
@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_redis_for_several_processes_needs_postgres(settings):
    assert engines(settings, SQLITE) == []
    assert engines(settings, SQLITE, "redis://h") == ["classroom.E009"]
    assert engines(settings, POSTGRES, "redis://h") == []
    assert engines(settings, POSTGRES) == []
    assert engines(settings, POSTGRES, "", "redis://h") == ["classroom.E008"]


def test_missing_models_say_how_to_get_them(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    face, emotion = checks.models_are_there()
    assert (face.id, face.hint) == ("classroom.E006", "Run: make assets")
    assert emotion.id == "classroom.E007"
    for name in (checks.FACE_MODEL, f"{checks.EMOTION_MODELS}/emotions.int8.tflite"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert checks.models_are_there() == []


def test_no_models_are_needed_where_analysis_is_off(settings, tmp_path):
    settings.BASE_DIR = tmp_path
    settings.EXPRESSION_ANALYSIS = "off"
    assert checks.models_are_there() == []


def test_this_checkout_has_its_models():
    assert checks.models_are_there() == []


def test_old_sqlite_is_named(monkeypatch):
    assert checks.sqlite_is_new_enough() == []
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.31.1")
    (found,) = checks.sqlite_is_new_enough()
    assert found.id == "classroom.E004"
    assert "3.31.1" in found.msg and "3.35.0" in found.msg


def test_old_sqlite_is_no_matter_under_another_database(monkeypatch, settings):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 31, 1))
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.postgresql")
    assert checks.sqlite_is_new_enough() == []
