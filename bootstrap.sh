#!/bin/sh
# Sets the kit up in .venv and runs its commands. The Makefile calls this; without make, call it directly:
#   sh bootstrap.sh reproduce
# Settings, from the environment or as `make install NAME=value`:
#   PYTHON        interpreter to build .venv with (default: python3.11, python3.10, else python3)
#   VENV          folder of the environment (default: .venv)
#   REQUIREMENTS  requirements file (default: the one .venv was made from, at first requirements.txt)
set -eu
cd "$(dirname "$0")"
VENV=${VENV:-.venv}
STAMP=$VENV/installed.txt  # first line: the requirements file; second: checksum of what was installed

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 2
}

show_help() {
    cat <<'TEXT'
make install     environment in .venv with the kit and all it needs (other commands do this by themselves)
make reproduce   draw the sample data, train every assignment on it, draw all figures, print one table
make test        run the tests
make check       look at the code: style (ruff), types (mypy)
make clean       remove the environments and caches; runs and data stay
Without make:    sh bootstrap.sh install|reproduce|test|check|clean
With a GPU:      make install REQUIREMENTS=requirements-gpu.txt
Other Python:    make clean install PYTHON=python3.10
More arguments:  make test ARGS="-k resume"     or     sh bootstrap.sh test -k resume
TEXT
}

# Prints the first interpreter that is of a supported version and can build an environment.
find_python() {
    found=
    without_venv=
    for candidate in ${PYTHON:-python3.11 python3.10 python3}; do
        version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
        case $version in
            3.10 | 3.11 | 3.12 | 3.13) ;;
            *) found="$found $candidate ($version)" && continue ;;
        esac
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        without_venv=$version
    done
    [ -z "$without_venv" ] ||
        fail "Python $without_venv cannot build an environment: install the package python3-venv" \
            "(apt-get install python3-venv; for a Python beside the system's own: python$without_venv-venv)"
    fail "Python 3.10 to 3.13 is needed, found:${found:- none of ${PYTHON:-python3.11 python3.10 python3}}." \
        "Install the packages python3 and python3-venv (apt-get install python3 python3-venv)," \
        "or name an interpreter: PYTHON=/path/to/python3.11"
}

make_environment() {
    python=$(find_python)
    echo "Making $VENV with $("$python" -V 2>&1)"
    case $("$python" -V 2>&1) in
        *" 3.12."* | *" 3.13."*)
            echo "Notice: PaddleClas needs Python 3.10 or 3.11; the kit installs without it, with NumPy 2." ;;
    esac
    "$python" -m venv --clear "$VENV"
}

# Checksum over the requirements file, the one it includes, and what `-e .` reads.
checksum() {
    cat "$1" requirements-common.txt pyproject.toml setup.py | cksum
}

install() {
    requirements=${REQUIREMENTS:-$(sed -n 1p "$STAMP" 2>/dev/null || true)}
    requirements=${requirements:-requirements.txt}
    [ -f "$requirements" ] || fail "$requirements: no such requirements file"
    wanted=$(printf '%s\n%s' "$requirements" "$(checksum "$requirements")")
    if [ "$wanted" = "$(cat "$STAMP" 2>/dev/null)" ] && "$VENV/bin/python" -c '' 2>/dev/null; then
        return
    fi
    # CPU and GPU wheels of Paddle write the same folder: another requirements file gets a fresh environment.
    if [ "$requirements" != "$(sed -n 1p "$STAMP" 2>/dev/null)" ] || ! "$VENV/bin/python" -c 'import pip' 2>/dev/null; then
        make_environment
    fi
    echo "Installing $requirements into $VENV (about 2 GB on disk, one to five minutes)"
    echo "$requirements" > "$STAMP"
    run_pip -r "$requirements"
    check_environment
    printf '%s\n' "$wanted" > "$STAMP"
    echo "Installed into $VENV"
}

# What a person types next, in this shell or any other.
say_next() {
    printf '\nNext:\n    . %s/bin/activate\n    kit list\n' "$VENV"
}

# Shows pip's larger downloads; its messages on standard error appear only where it failed.
run_pip() {
    log=$VENV/pip-errors.txt
    rm -f "$VENV/pip-failed"
    {
        "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off "$@" 2> "$log" ||
            touch "$VENV/pip-failed"
    } | awk '
        /Downloading .* MB\)/ { sub(/^ +/, ""); print "  " $0; fflush() }
        /^Installing collected packages/ { print "  Installing collected packages"; fflush() }'
    if [ -f "$VENV/pip-failed" ]; then
        cat "$log" >&2
        fail "pip could not install (see above). It needs the package index and about 4 GB of free disk;" \
            "the same command goes on from what was fetched."
    fi
}

# The desktop build of OpenCV needs system libraries that a bare server lacks. The build for servers is installed
# too, in the same folder; written last, it is the one that counts.
check_environment() {
    if ! starts cv2 2>/dev/null; then
        echo "Notice: OpenCV's desktop build does not start here; its build for servers takes its place."
        version=$("$VENV/bin/python" -c 'from importlib.metadata import version as v; print(v("opencv-python-headless"))')
        run_pip --force-reinstall --no-deps "opencv-python-headless==$version"
    fi
    for module in paddle cv2; do
        starts "$module" || fail "$module is installed but does not start (see above)." \
            "A bare system may lack libraries: apt-get install libgomp1 libgl1 libglib2.0-0"
    done
}

# True where the module is absent, too: a test's environment need not hold it.
# zlib goes first: see paddle_models/environment.py.
starts() {
    "$VENV/bin/python" -W ignore -c "
import importlib.util, zlib
if importlib.util.find_spec('$1'): import $1"
}

clean() {
    rm -rf .venv .venv-paddle26 .pytest_cache .hypothesis .ruff_cache .mypy_cache build ./*.egg-info
    find assignments data_tools paddle_models reports tests -name __pycache__ -type d -prune -exec rm -rf {} +
    echo "Removed the environments and caches; runs and data stay."
}

command=${1:-help}
[ $# -eq 0 ] || shift
case $command in
    help) show_help ;;
    install)
        install
        say_next ;;
    reproduce)
        install
        "$VENV/bin/python" -m assignments reproduce "$@"
        say_next ;;
    test)
        install
        exec "$VENV/bin/python" -m pytest -n auto --dist loadfile --no-loadscope-reorder "$@" ;;
    check)
        install
        "$VENV/bin/python" -m ruff check "$@"
        exec "$VENV/bin/python" -m mypy ;;
    clean)
        clean ;;
    *)
        show_help
        fail "unknown command: $command" ;;
esac
