"""Whether the process in this container is well, by its exit status; for Docker's health checks.

Without Django, so that asking every few seconds costs next to nothing. `web` asks the page for
machines under the site's own name; `worker` looks when its heartbeat was last written.
"""

from __future__ import annotations

import http.client
import os
import sys
import time
from pathlib import Path

PATIENCE_S = 8
OLDEST_BEAT_S = 15


def web(port: int) -> str:
    """Nothing if all is well, otherwise what is wrong."""
    host = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/status.json", headers={"Host": host})
        answer = connection.getresponse()
        words = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"no answer: {type(error).__name__}"
    return "" if answer.status == 200 else words


def worker(beat: Path) -> str:
    try:
        age_s = time.time() - beat.stat().st_mtime
    except OSError:
        return "no heartbeat yet"
    return "" if age_s < OLDEST_BEAT_S else f"last heartbeat {age_s:.0f} s ago"


def main(words: list[str]) -> int:
    if words[:1] == ["web"]:
        wrong = web(int(words[1]) if len(words) > 1 else 8000)
    elif words == ["worker"]:
        wrong = worker(Path(os.environ.get("DATA_DIR", "var")) / "worker.alive")
    else:
        wrong = "say: healthy.py web [PORT], or: healthy.py worker"
    if wrong:
        print(wrong, file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
