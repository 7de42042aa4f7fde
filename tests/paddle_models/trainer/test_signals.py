"""Ctrl-C is answered while one long computation goes on, which no handler of Python's own can interrupt."""

import signal
import subprocess
import sys
import time

from data_tools.files.places import PROJECT_ROOT

SCRIPT = """
import hashlib, sys
from paddle_models.trainer.signals import StopSignals
with StopSignals() as signals:
    print("computing", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 4_000_000)  # seconds, in one call
    print("noted", signals.noted, flush=True)
try:
    with StopSignals():
        print("computing", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000)
except KeyboardInterrupt:
    print("aborted", flush=True)
"""


def test_ctrl_c_is_answered_at_once_and_a_second_one_aborts():
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True)

    def hear() -> tuple[str, float]:
        return process.stdout.readline().strip(), time.monotonic()

    assert hear()[0] == "computing"
    time.sleep(0.2)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, answered = hear()
    assert said == "stopping after this step; a second Ctrl-C aborts"
    noted, done = hear()
    assert noted == f"noted {signal.SIGINT:d}" and answered - begun < (done - begun) / 2
    assert hear()[0] == "computing"
    time.sleep(0.2)
    for expected in ("stopping after this step; a second Ctrl-C aborts", "stopping now"):
        process.send_signal(signal.SIGINT)
        assert hear()[0] == expected
    assert hear()[0] == "aborted" and process.wait(60) == 0
