"""Run folders of other people: what their texts hold is bounded and harmless in every command that reads them."""

import os
import resource
import subprocess
import sys
import time

import pytest

from assignments.__main__ import main
from assignments.common.runner import run_work
from assignments.common.works import work_of
from data_tools.errors import KitError, harmless
from data_tools.files.places import PROJECT_ROOT
from data_tools.files.plain_yaml import parse_yaml

ESCAPES = "\x1b]0;owned\x07\x1b[2J\r\u202e"
HEAD = "assignment: monkey_species\npreset: smoke\nsettings:\n"
BOMB = "[&a [x, x, x, x, x, x, x, x, x]" + "".join(
    f", &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)) + "]"
CONFIGS = {
    "aliases": HEAD + f"  lr: {BOMB}\n",
    "aliases in a text": HEAD + f"  image_size: '{BOMB}'\n",
    "three megabytes": HEAD + "  data: " + "a b " * 750_000 + "\n",
    "deep": HEAD + "  data: " + "[" * 100_000 + "]" * 100_000 + "\n",
    "deep in a text": HEAD + "  image_size: '" + "[ " * 50_000 + "] " * 50_000 + "'\n",
    "many values": HEAD + "".join(f"  k{n}: 1\n" for n in range(60_000)),
    "a tag": HEAD + "  data: !!python/object/apply:os.system [id]\n",
    "no mapping": "- a\n- b\n",
    "another kind of preset": "assignment: monkey_species\npreset: [1]\nsettings: {}\n",
    "an escape": f'assignment: "{ESCAPES.encode("unicode_escape").decode()}"\npreset: a\nsettings: {{}}\n',
}


def resumed(folder):
    return run_work(work_of("monkey_species"), ["--resume", str(folder), "--device", "cpu"])


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("command", ["resume", "export", "release"])
def test_a_hostile_config_is_one_short_message(tmp_path, capfd, kind, command):
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(CONFIGS[kind], encoding="utf-8")
    for name in ("result.json", "checkpoints/best.safetensors"):
        (folder / name).write_text("{}")
    begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = ["-o", str(tmp_path / "out.safetensors")] if command == "release" else []
    assert (resumed(folder) if command == "resume" else main([command, str(folder), *out])) == 2
    out, error = capfd.readouterr()
    assert error.startswith("error: ") and len(error) < 1000 and harmless(out + error) == out + error
    assert time.monotonic() - begin < 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10  # kilobytes; Paddle is in them


def test_plain_texts_with_signs_of_yaml_are_texts():
    values = {"data": "/data/R&D/*.zip", "name": "[old] {x"}
    assert parse_yaml("data: '/data/R&D/*.zip'\nname: '[old] {x'\n", "a") == values
    with pytest.raises(KitError, match="anchor or alias"):
        parse_yaml("lr: '&a [*a]'", "a")


def test_escapes_are_shown_and_not_obeyed():
    assert harmless(ESCAPES) == "\\x1b]0;owned\\x07\\x1b[2J\\r\\u202e" and harmless("猴子\n\té") == "猴子\n\té"


def command(*words, **settings):
    return subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=PROJECT_ROOT, **settings)


def test_a_pipe_that_nobody_reads_is_no_error():
    reader, writer = os.pipe()
    os.close(reader)  # as `| head -0` would
    done = subprocess.run([sys.executable, "-m", "assignments", "list"], cwd=PROJECT_ROOT, stdout=writer,
                          stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_without_docstrings_the_commands_have_their_help():
    """`python -OO` takes them away."""
    for words in (["-m", "assignments", "list"], ["assignments/face_attributes/predict.py", "--help"],
                  ["assignments/common/student_check.py", "--help"]):
        done = command(sys.executable, "-OO", *words)
        assert done.returncode == 0 and done.stderr == ""
