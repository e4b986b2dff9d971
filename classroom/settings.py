"""Settings, read from the environment; with nothing set, one safe machine on loopback."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from classroom import engines, env

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR") or BASE_DIR / "var").absolute()
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

DEBUG = env.flag("DEBUG", False)


def made_secret() -> str:
    """The installation's own key, made once and readable by its owner alone."""
    path = DATA_DIR / "secret_key"
    if not path.exists():
        fresh = DATA_DIR / f"secret_key.{os.getpid()}"
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(50))
        # Of two processes that start at once one key wins, and neither reads half of it.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text(encoding="ascii").strip()


SECRET_KEY = env.secret("SECRET_KEY") or made_secret()
LOCAL_HOSTS = ["localhost", "127.0.0.1", "[::1]", ".localhost"]
ALLOWED_HOSTS = env.listing("ALLOWED_HOSTS") or LOCAL_HOSTS

# Behind a proxy of ours that speaks https; nobody else may reach the port then, because the proxy's
# words on scheme and visitor are believed.
BEHIND_PROXY = env.flag("BEHIND_PROXY", False)
METRICS_TOKEN = env.secret("METRICS_TOKEN")
LOG_FORMAT = env.choice("LOG_FORMAT", "text", words=("text", "json"))

# "" means: not stated here, so the answer given at set-up counts.
EXPRESSION_ANALYSIS = env.choice("EXPRESSION_ANALYSIS", "", words=("on", "off"))
AWAY_AFTER_S = env.number("AWAY_AFTER_S", 80, least=5, most=3600)
SNAPSHOT_INTERVAL_MS = env.whole("SNAPSHOT_INTERVAL_MS", 2000, least=250, most=60_000)
KEEP_SLICES_DAYS = env.whole("KEEP_SLICES_DAYS", 30, least=1, most=3650)
LESSON_HOURS = env.number("LESSON_HOURS", 4, least=0.1, most=24)
ABANDONED_AFTER_S = env.number("ABANDONED_AFTER_S", 900, least=5, most=86_400)
WAITING_SNAPSHOTS = env.whole("WAITING_SNAPSHOTS", 2000, least=1, most=100_000)

# Load tests take it away, to see the queue alone share what the workers can read.
PACE_UNDER_LOAD = env.flag("PACE_UNDER_LOAD", True)

REDIS_URL = engines.redis_url("REDIS_URL", env.secret("REDIS_URL"))
FRAMES_REDIS_URL = engines.redis_url("FRAMES_REDIS_URL", env.text("FRAMES_REDIS_URL")) or REDIS_URL
REDIS_PERSISTENCE_CHECKED = env.flag("REDIS_PERSISTENCE_CHECKED", False)
# With Redis the snapshots are read by workers of their own: manage.py emotionworker.
EMBEDDED_WORKER = env.flag("EMBEDDED_WORKER", not REDIS_URL)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "classroom",
    "emotions",
    "dashboard",
]

MIDDLEWARE = [
    "classroom.middleware.VisitorsAddress",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "classroom.middleware.ContentSecurityPolicy",
]

ROOT_URLCONF = "classroom.urls"
ASGI_APPLICATION = "classroom.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASE_URL = env.secret("DATABASE_URL")
DATABASES = {
    "default": engines.postgres(DATABASE_URL)
    if DATABASE_URL
    else engines.sqlite(DATA_DIR / "db.sqlite3", DATA_DIR / "test.sqlite3")
}
CHANNEL_LAYERS = {"default": engines.channel_layer(REDIS_URL)}
CACHES = {"default": engines.cache(REDIS_URL)}

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

LANGUAGE_CODE = "en"
# Each by its own name, which whoever looks for it can read.
LANGUAGES = [("en", "English"), ("hi", "हिन्दी")]
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
# Clock times on pages and charts are the classroom's, not UTC.
TIME_ZONE = env.zone("TIME_ZONE", env.local_time_zone())
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False

if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "addresses": {"()": "classroom.logs.HideAddresses"},
        "one_line": {"()": "classroom.logs.OneLine"},
    },
    "formatters": {
        "line": {
            "()": "classroom.logs.Lines",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
            "datefmt": "%Y-%m-%d %H:%M:%S",
        },
        "json": {"()": "classroom.logs.JsonLines"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "json" if LOG_FORMAT == "json" else "line",
            "filters": ["addresses"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        # A page that is not there is no news, and its address may hold a join code.
        "django.request": {"level": "ERROR"},
        # Whoever scans the network sends odd host names; Django shows a traceback for each.
        "django.security.DisallowedHost": {"filters": ["one_line"]},
        "django.channels.server": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
    },
}
