"""The product's settings for a test run: nothing of this installation is read or touched.

The data folder is a new temporary one, so two runs at once do not meet and `var/` stays as it is.
Variables of the person's own shell would change what the tests see, so they are set aside.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# DATABASE_URL and REDIS_URL stay: they choose the engines that the suite is run on.
SET_ASIDE = (
    "ALLOWED_HOSTS",
    "AWAY_AFTER_S",
    "DATABASE_URL_FILE",
    "FRAMES_REDIS_URL",
    "REDIS_PERSISTENCE_CHECKED",
    "REDIS_URL_FILE",
    "ABANDONED_AFTER_S",
    "BEHIND_PROXY",
    "DEBUG",
    "EMBEDDED_WORKER",
    "EXPRESSION_ANALYSIS",
    "HTTPS_NAMES",
    "KEEP_SLICES_DAYS",
    "LESSON_HOURS",
    "LOG_FORMAT",
    "METRICS_TOKEN",
    "METRICS_TOKEN_FILE",
    "PACE_UNDER_LOAD",
    "SECRET_KEY",
    "SECRET_KEY_FILE",
    "SNAPSHOT_INTERVAL_MS",
    "TIME_ZONE",
    "WAITING_SNAPSHOTS",
)
for name in SET_ASIDE:
    os.environ.pop(name, None)

folder = tempfile.mkdtemp(prefix="classroom-test-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ["DATA_DIR"] = folder
os.environ["TIME_ZONE"] = "UTC"

from classroom.settings import *  # noqa: E402, F403  (after the folder is set)

# Django's own hasher takes a quarter of a second for each account that a test makes.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Channels' communicators keep connections from being closed while a test waits for a message; those
# of a thread that ended would be missing in a pool for ever. Served copies have the pool.
DATABASES["default"].get("OPTIONS", {}).pop("pool", None)  # noqa: F405  (from the product's)
