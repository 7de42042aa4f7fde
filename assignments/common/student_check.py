"""Check the exercises in this folder on a public example each: python check.py [--only NAME ...] [--hint NAME]

Each function is tried in a process of its own. This is not the grade, which is found with other numbers. Which hints
were asked for is written to hints.json, which is handed in. The status is 0 where all is right, 1 where something is
not, 2 where the folder is incomplete.
"""

import argparse
import copy
import importlib
import io
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
HINTS = HERE / "hints.json"  # {function: when its hint was asked for}
SECONDS = 30  # for one function
ANSWER = "answer: "  # begins the line with which a process reports
SAID = {
    "colon": (": ", "："),
    "nothing": ("nothing is returned", "没有返回值"),
    "number": ("{} arrays are returned, expected {}", "返回了 {} 个数组，应为 {} 个"),
    "no-array": ("no array or number is returned, but {}", "返回的不是数组或数，而是 {}"),
    "shape": ("shape {}, expected {}", "形状为 {}，应为 {}"),
    "value": ("{:.9g} at {}, expected {:.9g}", "{1} 处为 {0:.9g}，应为 {2:.9g}"),
    "number-is": ("{:.9g}, expected {:.9g}", "结果为 {:.9g}，应为 {:.9g}"),
    "part": ("answer {}: ", "第 {} 个结果："),
    "changed": ("an input is changed; work on a copy", "输入被改动了；请在副本上计算"),
    "time": ("did not end within {} s", "未在 {} 秒内结束"),
    "ended": ("its process ended with status {} and no answer", "进程以状态 {} 结束，没有给出结果"),
}


class Wrong(Exception):
    """What is wrong with an answer: a key of SAID and what stands in its gaps, and with which of several, from 1.
    said: {language: text}."""

    def __init__(self, key: str, *gaps, part: int = 0):
        super().__init__(key)
        self.said = {language: (said("part", language, part) if part else "") + said(key, language, *gaps)
                     for language in ("en", "zh")}


def said(key: str, language: str, *gaps) -> str:
    """A line of SAID."""
    return SAID[key][language == "zh"].format(*gaps)


def parts(value) -> list:
    """The arrays of an answer, one after the other; Wrong where it has something else."""
    if value is None:
        raise Wrong("nothing")
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in parts(item)]
    if not isinstance(value, (np.ndarray, np.generic, int, float)):
        raise Wrong("no-array", type(value).__name__)
    return [np.asarray(value, float)]


def compare(found, expected) -> None:
    """Raise Wrong unless both are the same arrays, to nine digits."""
    found = parts(found)
    if len(found) != len(expected):
        raise Wrong("number", len(found), len(expected))
    for number, (mine, theirs) in enumerate(zip(found, expected), 1):
        part = number if len(expected) > 1 else 0
        if mine.shape != theirs.shape:
            raise Wrong("shape", mine.shape, theirs.shape, part=part)
        far = np.atleast_1d(~np.isclose(mine, theirs, rtol=1e-9, atol=1e-9, equal_nan=True))
        if far.any():
            place = tuple(int(i) for i in np.argwhere(far)[0])
            numbers = np.atleast_1d(mine)[place], np.atleast_1d(theirs)[place]
            if theirs.ndim == 0:
                raise Wrong("number-is", *numbers, part=part)
            raise Wrong("value", numbers[0], list(place), numbers[1], part=part)


def attempt(row: dict, language: str) -> str:
    """"" where the function passes, else what is wrong, one line; imports the student's file into this process."""
    try:
        sys.path.insert(0, str(HERE))
        modules = {row["file"]: importlib.import_module(row["file"])}
        if "check" in row:
            getattr(importlib.import_module("public"), row["check"])(modules[row["file"]])
            return ""
        example = [array(item) for item in row["example"]]
        before = copy.deepcopy(example)
        compare(called(row, modules, example), arrays(row["answer"]))
        if repr(example) != repr(before):
            raise Wrong("changed")
        return ""
    except NotImplementedError:
        return "NotImplementedError"
    except SyntaxError as error:
        return f"{row['file']}.py, line {error.lineno}: {error.msg}"
    except BaseException as error:  # whatever a student's function does, SystemExit too, it only costs its own points
        found = getattr(error, "said", {}).get(language)
        known = known_mistake(row, modules, language) if found else ""
        found = said("colon", language).join(filter(None, [known, found]))
        return " ".join((found or f"{type(error).__name__}: {str(error)[:200]}").split())


def known_mistake(row: dict, modules: dict, language: str) -> str:
    """What is typical of a wrong answer to the example, in words; "" where nothing is."""
    try:
        example, own = [array(item) for item in row["example"]], row["mistakes"]
        found = called(row, modules, copy.deepcopy(example))
        return importlib.import_module("mistakes").in_words(
            found, arrays(row["answer"]), example, {text: arrays(wrong) for text, wrong in own.items()}, language)
    except BaseException:  # a student's function again; and rows that are only judged have no example
        return ""


def called(row: dict, modules: dict, example: list):
    """The answer of the student's function."""
    return getattr(importlib.import_module("drivers"), row["driver"])(modules, *example)


def arrays(answer: list) -> list:
    """The parts of an answer in exercises.json."""
    return [np.asarray(array(item), float) for item in answer]


def array(item):
    """What exercises.json says of an argument."""
    if isinstance(item, list):
        return [array(each) for each in item]
    return np.array(item["array"], item["dtype"]) if isinstance(item, dict) and "array" in item else item


def checked(row: dict, words: dict, language: str) -> str:
    """As `attempt`, in a process of its own with a time limit."""
    command = [sys.executable, str(HERE / "check.py"), "--one", row["name"]]
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", errors="replace",
                              timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return said("time", language, SECONDS)
    answers = [line[len(ANSWER):] for line in done.stdout.splitlines() if line.startswith(ANSWER)]
    if not answers:
        return said("ended", language, done.returncode)
    message = json.loads(answers[-1])
    return words["open"] if message == "NotImplementedError" else message


def refused(rows: list, language: str) -> list:
    """What keeps the files from being run when they are graded, a line each."""
    sys.path.insert(0, str(HERE))
    remarks = importlib.import_module("rules").remarks
    texts = {file: (HERE / f"{file}.py").read_text(encoding="utf-8") for file in sorted({row["file"] for row in rows})}
    return [remark[language == "zh"] for file, text in texts.items() for remark in remarks(file, text)]


def hint(row: dict, words: dict) -> int:
    """Show formula and hint of a function, once that is written down; 2 where it cannot be."""
    try:
        asked = json.loads(HINTS.read_text(encoding="utf-8")) if HINTS.exists() else {}
        asked.setdefault(row["name"], time.strftime("%Y-%m-%d %H:%M"))
        HINTS.write_text(json.dumps(asked, indent=1) + "\n", encoding="utf-8")
    except (OSError, ValueError, AttributeError) as error:
        print(f"error: {HINTS.name} cannot be written ({type(error).__name__}), so no hint is shown; make the folder "
              "writable, or delete the file where it is damaged", file=sys.stderr)
        return 2
    for key in ("formula", "hint"):
        print(f"{words[key]}{words['colon']}{row[key]}")
    print(words["asked"])
    return 0


def main() -> int:
    """Command line; 141 where nobody reads what it prints any more (`| head`)."""
    try:
        try:
            return command_line()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the very end
        return 141


def command_line() -> int:
    """What was asked for on it; the status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot show
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="try these functions only")
    parser.add_argument("--hint", metavar="NAME", help="show formula and hint of a function")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        table = json.loads((HERE / "exercises.json").read_text(encoding="utf-8"))
        rows, words, language = table["exercises"], table["words"], table["language"]
    except (OSError, ValueError, KeyError) as error:
        print(f"error: exercises.json cannot be read ({type(error).__name__}); write the folder again", file=sys.stderr)
        return 2
    one = arguments.hint or arguments.one
    wanted = [one] if one else arguments.only or [row["name"] for row in rows]
    unknown = [name for name in wanted if name not in {row["name"] for row in rows}]
    if unknown:
        print(f"error: no exercise {unknown[0]}; there are {', '.join(row['name'] for row in rows)}", file=sys.stderr)
        return 2
    rows = [row for row in rows if row["name"] in wanted]
    if arguments.hint:
        return hint(rows[0], words)
    if arguments.one:
        print("\n" + ANSWER + json.dumps(attempt(rows[0], language)))
        return 0
    return report(rows, words, language)


def report(rows: list, words: dict, language: str) -> int:
    """Try the functions and print what was found; 0 where all is right."""
    with ThreadPoolExecutor(2) as pool:
        messages = list(pool.map(lambda row: checked(row, words, language), rows))
    earned = [0 if message else row["points"] for row, message in zip(rows, messages)]
    for row, points, message in zip(rows, earned, messages):
        print(f"{row['number']:3} {row['name']:22} {points:3} / {row['points']:<3} {message}".rstrip())
    forbidden = refused(rows, language)
    for remark in forbidden:
        print(f"! {remark}")
    print(f"{words['score']}{words['colon']}{sum(earned)} / {sum(row['points'] for row in rows)}\n{words['note']}")
    return 1 if forbidden or any(messages) else 0


if __name__ == "__main__":
    sys.exit(main())
