"""VisualDL as the READMEs start it: curves named by work and run, a page for browsers of every language."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from data_tools.files.places import PROJECT_ROOT
from paddle_models.trainer.progress import Journal
from paddle_models.trainer.run_folder import RunFolder

SERVE = """
import json, os
from visualdl.server.app import create_app
from visualdl.server.args import ParseArgs, parse_args
page = create_app(ParseArgs(**parse_args())).test_client()
codes = [page.get("/app/index", headers={"Accept-Language": each}, follow_redirects=True).status_code
         for each in ("de", "zh", "en", "fr")]
print("\\n" + json.dumps([codes, page.get("/app/api/runs").get_json()["data"]]), flush=True)
os._exit(0)  # a thread of its own waits for ever
"""


@pytest.mark.parametrize("document", ["README.md", "README.zh.md"])
def test_curves_are_named_and_shown_to_every_browser(document, tmp_path):
    for work, folder in (("glasses", "runs/glasses/20260101-000000-smoke"), ("monkey_species", "mine")):
        with RunFolder(tmp_path / folder) as run:
            run.write_config(work, "smoke", {})
            with Journal(run) as journal:
                journal.write({"kind": "step", "step": 1, "epoch": 0, "loss/model": 0.5})
    (tmp_path / "mine").rename(tmp_path / "runs" / "mine")
    command, = re.findall(r"`visualdl (.*?)`", (PROJECT_ROOT / document).read_text(encoding="utf-8"))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SERVE, *shlex.split(command)], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    codes, runs = json.loads(done.stdout.splitlines()[-1])
    assert codes == [200] * 4 and sorted(runs) == ["glasses/20260101-000000-smoke", "monkey_species/mine"]
