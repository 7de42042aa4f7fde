#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: the packages, then the grader's data.
# KIT_PYTHON names an interpreter that has the packages already; nothing is installed then.
set -euo pipefail
root=${AUTOGRADER_ROOT:-/autograder}
cd "$root/source"
if [ -z "${KIT_PYTHON:-}" ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update
    apt-get install -y --no-install-recommends python3 python3-venv libgomp1 libgl1 libglib2.0-0
    python3 -m venv "$root/venv"
    "$root/venv/bin/python" -m pip install --no-cache-dir -r requirements.txt
fi
. ./settings.sh
"$python" -m assignments grade --prepare --assignment "$assignment" --data "$assignment=$data" --out "$root/grading"
