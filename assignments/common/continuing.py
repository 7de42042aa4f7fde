"""Commands that train many networks: the same command goes on where it was interrupted."""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from data_tools.errors import KitError
from data_tools.files import places
from data_tools.language import show


def base_settings(work: Any, preset: str, rest: Sequence[str]) -> Any:
    """The preset's settings with what words of run.py's command line say; KitError for those that make no sense
    here."""
    from paddle_models.trainer.settings import parse_command_line

    given = {word.split("=")[0] for word in rest}
    if "--seed" in given:
        raise KitError("--seed is for one training; here give --seeds, how many there are")
    if "--resume" in given:
        raise KitError("--resume is not needed here: the same command goes on where it was interrupted")
    if "--find_lr" in given:
        raise KitError("--find_lr is for run.py, which trains one network")
    return parse_command_line(work.settings, work.folder / "presets.yaml", ["--preset", preset, *rest])[1]


def continued(kind: str, plan: dict[str, Any], out: Path | None) -> Path:
    """`out`, else the newest unfinished folder of this plan under runs/KIND, else a new one; the plan is written there.

    Unfinished: its result.json is absent or does not say "complete". KitError where `out` belongs to another plan.
    """
    from data_tools.files.atomic import write_atomically
    from paddle_models.trainer.run_folder import new_run_path

    text = json.dumps(plan, indent=2, ensure_ascii=False) + "\n"
    if out is None:
        begun = sorted((places.runs() / kind).glob("*/plan.json"), reverse=True)
        same = [file.parent for file in begun if file.read_text(encoding="utf-8", errors="replace") == text]
        out = next((folder for folder in same if not read_json(folder / "result.json").get("complete")), None)
        out = out or new_run_path(kind, plan["preset"])
    file = out / "plan.json"
    if file.exists() and file.read_text(encoding="utf-8", errors="replace") != text:
        raise KitError(f"{out} was begun with other words or settings: repeat the command that began it, or choose "
                       f"another --out")
    write_atomically(file, text.encode(errors="backslashreplace"))
    return out


def read_json(file: Path) -> dict[str, Any]:
    """A JSON object; empty where the file is absent, KitError where it is damaged."""
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise KitError(f"{file} is damaged ({error}); delete it, then repeat the command") from None
    if not isinstance(content, dict):
        raise KitError(f"{file} holds no JSON object; delete it, then repeat the command")
    return content


def goes_on_later(main: Callable[..., int]) -> Callable[..., int]:
    """Decorator of a command line: one that is stopped says that it can go on, with the exit status 130."""
    @functools.wraps(main)
    def told(*arguments, **named) -> int:
        try:
            return main(*arguments, **named)
        except KeyboardInterrupt:
            reason = "stopped"
        except Exception as stop:
            # of the trainer, which is not imported for the sake of a wrong word
            if type(stop).__name__ != "Interrupted":
                raise
            reason = str(stop).split(";")[0]
        show(f"{reason}; the same command goes on from there")
        return 130

    return told
