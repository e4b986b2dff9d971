"""DATABASE_URL and REDIS_URL choose the engines, and what cannot be served is refused in words."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from classroom import engines

URL = "postgres://pulse:se%40cret@db.example.org:5433/school"


def test_postgres_address_is_taken_apart_and_pooled():
    database = engines.postgres(URL)
    assert database["ENGINE"] == "django.db.backends.postgresql"
    assert (database["HOST"], database["PORT"]) == ("db.example.org", 5433)
    assert (database["NAME"], database["PASSWORD"]) == ("school", "se@cret")
    assert database["CONN_MAX_AGE"] == 0
    assert database["OPTIONS"]["pool"]["max_size"] == engines.threads()


def test_pooled_connection_is_tried_before_it_is_lent():
    assert engines.postgres(URL)["CONN_HEALTH_CHECKS"] is True


def test_another_database_is_refused_by_name():
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL begins with 'mysql:'"):
        engines.postgres("mysql://u:secret@h/x")


@pytest.mark.parametrize("url", ["postgres://u:secret@h:port/x", "postgres://u:secret@[h/x"])
def test_address_that_is_not_understood_is_refused_without_its_password(url):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL is not understood") as caught:
        engines.postgres(url)
    assert "secret" not in str(caught.value)


def test_redis_address_of_another_kind_is_refused_by_the_variables_name():
    with pytest.raises(ImproperlyConfigured, match="FRAMES_REDIS_URL begins with 'http:'"):
        engines.redis_url("FRAMES_REDIS_URL", "http://h")
    assert engines.redis_url("REDIS_URL", "") == ""


def test_without_redis_news_and_cache_stay_in_this_process():
    assert "InMemory" in engines.channel_layer("")["BACKEND"]
    assert "locmem" in engines.cache("")["BACKEND"]


def test_idle_consumers_are_not_timed_out():
    (host,) = engines.channel_layer("redis://h")["CONFIG"]["hosts"]
    assert host["socket_timeout"] is None
    assert host["max_connections"] >= 300


def test_pool_never_pauses_for_longer_than_a_query_waits():
    """The pool's own five minutes left Postgres unasked for 20 s after 100 s away."""
    pool = engines.postgres(URL)["OPTIONS"]["pool"]
    assert pool["reconnect_timeout"] <= pool["timeout"]
