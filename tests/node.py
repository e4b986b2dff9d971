"""The pages' own modules, asked by Node as a page would ask them."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.running import ROOT

ASK = """
const fs = require("fs");
const [file, words] = process.argv.slice(1);
const source = fs.readFileSync(file, "utf8");
import("data:text/javascript," + encodeURIComponent(source)).then((module) => {
  const ask = new Function("module", "given", words);
  console.log(JSON.stringify(ask(module, JSON.parse(fs.readFileSync(0, "utf8")))));
});
"""


def asked(name: str, words: str, given: Any) -> Any:
    """What these words answer, with static/js's `name` as `module` and a JSON value as `given`."""
    done = subprocess.run(
        ["node", "-e", ASK, f"static/js/{name}", words],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    return json.loads(done.stdout)
