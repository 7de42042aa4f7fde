"""What every assignment's run.py shares: the command line, the run folder, errors for people, the last lines.

Nothing heavy is imported here until a run starts, so `--help` answers at once.
"""

import contextlib
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assignments.common.before import dry_run, look_before
from assignments.common.command_line import tells_errors
from assignments.common.find_lr import find_lr
from assignments.common.health import refuse_unfit
from assignments.common.summary import again, save_curves, summary
from data_tools.errors import BadFile, KitError, harmless
from data_tools.files import places
from data_tools.files.places import expand, short_path
from data_tools.progress import tell


@tells_errors
def run_work(work: Any, argv: Sequence[str] | None = None) -> int:
    """Run a Work from a command line; returns the exit status (2: an error to mend, 130: stopped)."""
    return start(work, argv)


def start(work: Any, argv: Sequence[str] | None, quiet: bool = False) -> int:
    """The same where errors to mend are raised as KitError. quiet: the result is not told at the end."""
    from paddle_models.trainer.run_folder import RunFolder, new_run_path, read_config, unfinished_run
    from paddle_models.trainer.settings import parse_command_line

    def resumed(name: str) -> tuple:
        folder = expand(name) if name else unfinished_run(work.name)
        preset, values = read_config(folder, work.name)
        return preset, values, str(folder / "config.yaml")

    argv = sys.argv[1:] if argv is None else argv
    options, settings = parse_command_line(work.settings, work.folder / "presets.yaml", argv, resumed)
    if options.find_lr:
        return find_lr(work, options, settings, argv)
    resume = options.resume is not None
    named: Path | None
    if resume:
        named = expand(options.resume) if options.resume else unfinished_run(work.name)
    else:
        named = expand(options.out) if options.out else None
    refuse_unfit()
    from paddle_models.trainer import distributed, runtime  # the first import of Paddle, after all that is cheap
    from paddle_models.trainer.progress import say

    device = runtime.start(settings.device, getattr(settings, "threads", None))
    if options.dry_run:
        return dry_run(work, settings, options.preset, device)
    home = named or places.runs() / work.name
    made = [each for each in (home / "checkpoints", home, *home.parents) if not each.exists()]
    if named is None and distributed.rank() == 0:
        named = new_run_path(work.name, options.name or options.preset)
        made = [named / "checkpoints", named, *made]
    path = Path(distributed.from_first_rank(str(named)))
    if resume and is_finished(work, settings, path):
        say(f"{short_path(path)} is finished; nothing to do")
        return 0
    folder = RunFolder(path, writer=distributed.rank() == 0)
    if not resume and folder.writer:
        refuse_taken(work, folder)
    look_before(work, settings, options.preset, folder, dry_run=False, anyway=options.anyway)
    with folder:
        say(f"{work.name}, preset {harmless(options.preset, 100)}, run folder {short_path(path)}")
        result = train(work, settings, options.preset, folder, device, resume, made)
        if result is None:
            return 130
        if folder.writer and not quiet:
            tell(f"result {json.dumps(result, ensure_ascii=False)}" if options.json else summary(work, result, path))
        return 0


def train(work: Any, settings: Any, preset: str, folder: Any, device: str, resume: bool,
          made: list[Path]) -> dict[str, Any] | None:
    """Train in the RunFolder and write its result, None where it was stopped; `made`: folders that go again where the
    start is refused."""
    from paddle_models.trainer.loop import Interrupted
    from paddle_models.trainer.progress import say
    from paddle_models.trainer.settings import to_dict
    from reports.grading.seal import SEAL

    def begin() -> None:
        if folder.writer:
            for name in (SEAL, "result.json"):  # of a run that is now continued
                (folder.path / name).unlink(missing_ok=True)
        folder.write_config(work.name, preset, to_dict(settings))

    if resume:
        folder.on_resume = begin  # a run that does not go on with these settings stays as it is
    else:
        begin()
    following = again(work.name, folder.path)
    try:
        result = {"assignment": work.name, "preset": preset, **work.train(settings, folder, device, resume)}
    except Interrupted as stop:
        say(f"{stop}\n{following}")
        return None
    except KeyboardInterrupt:  # before or after the training, or the second one in it
        say(("continue from the last checkpoint with" if folder.last.exists() else
             "nothing was trained yet; the same begins anew with") + f"\n{following}")
        raise
    except KitError:
        if not resume and folder.writer and not folder.begun:
            forget(folder.path, made)
        raise
    finish(work, folder, result, getattr(settings, "keep_last", True))
    return result


def finish(work: Any, folder: Any, result: dict[str, Any], keep_last: bool) -> None:
    """Leave result, seal and curves in the RunFolder, and the last checkpoint or not."""
    from reports.grading.seal import write_seal

    folder.write_json("result.json", result)
    if folder.writer:
        write_seal(folder.path)
        save_curves(work.name, folder.path)
        if not keep_last:
            folder.last.unlink(missing_ok=True)


def is_finished(work: Any, settings: Any, path: Path) -> bool:
    """Whether the run in `path` has come to its end with these settings, and all that it sealed is there and
    unchanged."""
    from paddle_models.trainer.run_folder import read_config
    from paddle_models.trainer.settings import from_dict
    from reports.grading.seal import SEAL, check_seal

    try:
        if not (path / "result.json").exists() or check_seal(path) != []:
            return False
    except BadFile:
        return False
    sealed = json.loads((path / SEAL).read_text(encoding="utf-8"))
    _, values = read_config(path, work.name)
    return (all((path / name).is_file() for name in sealed)
            and settings == from_dict(work.settings, values, str(path / "config.yaml")))


def refuse_taken(work: Any, folder: Any) -> None:
    """KitError where the RunFolder of a new run holds a run that has begun, or files that no run has left there."""
    from paddle_models.trainer.run_folder import read_config

    path = folder.path
    if (path / "config.yaml").exists():
        if folder.begun or (path / "result.json").exists():
            raise KitError(f"{path} already holds a run; continue it with --resume {shlex.quote(str(path))} or choose "
                           f"another "
                           "--out")
        read_config(path, work.name)  # a start that came to nothing; not somebody else's config.yaml
    elif path.is_dir() and any(item.is_file() and item.name != ".lock" for item in path.rglob("*")):
        raise KitError(f"{path} holds files that are no run; choose another --out, a new or an empty folder")


def forget(path: Path, made: list[Path]) -> None:
    """Remove what a start that was refused has written into `path`, and the folders that it made, the innermost first.

    Where there is more than that, all stays, and is known as a run by its config.yaml.
    """
    written = [path / name for name in ("config.yaml", "environment.json", ".lock")]
    if all(item in written for item in path.rglob("*") if not item.is_dir()):
        for file in written:
            file.unlink(missing_ok=True)
        for each in made:
            with contextlib.suppress(OSError):  # somebody else has put something there
                each.rmdir()
