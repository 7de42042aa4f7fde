"""What every assignment's run.py shares: the command line, the run folder, errors for people, the last line.

Nothing heavy is imported here until a run starts, so `--help` answers at once.
"""

import json
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Sequence

from assignments.command_line import tells_errors
from data_tools.errors import KitError


@dataclass(frozen=True)
class Assignment:
    """name: of the folder. settings: its dataclass. train(settings, run, device, resume) -> result: the work itself."""

    name: str
    settings: type
    train: Callable[..., Dict[str, Any]]

    @property
    def folder(self) -> Path:
        """assignments/<name>"""
        return Path(__file__).resolve().parent / self.name


@tells_errors
def run_assignment(assignment: Assignment, argv: Optional[Sequence[str]] = None) -> int:
    """Run one assignment from a command line; returns the exit status (2: an error to mend, 130: stopped)."""
    from paddle_models.trainer.run_folder import RunFolder, new_run_path, read_config, unfinished_run
    from paddle_models.trainer.settings import parse_command_line, to_dict

    def resumed(name: str) -> tuple:
        folder = Path(name) if name else unfinished_run(assignment.name)
        preset, values = read_config(folder, assignment.name)
        return preset, values, str(folder / "config.yaml")

    options, settings = parse_command_line(assignment.settings, assignment.folder / "presets.yaml", argv, resumed)
    resume = options.resume is not None
    if resume:
        path = Path(options.resume) if options.resume else unfinished_run(assignment.name)
    else:
        path = options.out or new_run_path(assignment.name, options.preset)
    from paddle_models.trainer import (  # the first import of Paddle, after everything cheap was checked
        distributed,
        runtime,
    )
    from paddle_models.trainer.loop import Interrupted
    from paddle_models.trainer.progress import say
    from reports.grading.seal import SEAL, write_seal

    device = runtime.start(settings.device)
    path = Path(distributed.from_first_rank(str(path)))
    with RunFolder(path, writer=distributed.rank() == 0) as folder:
        if not resume and (folder.path / "config.yaml").exists() and folder.writer:
            raise KitError(f"{path} already holds a run; continue it with --resume {shlex.quote(str(path))} or choose another "
                           "--out")
        say(f"{assignment.name}, preset {options.preset}, run folder {path}")

        def begin() -> None:
            if folder.writer:
                for name in (SEAL, "result.json"):  # of a run that is now continued
                    (folder.path / name).unlink(missing_ok=True)
            folder.write_config(assignment.name, options.preset, to_dict(settings))

        if resume:
            folder.on_resume = begin  # a run that does not go on with these settings stays as it is
        else:
            begin()
        again = f"    python assignments/{assignment.name}/run.py --resume {shlex.quote(str(path))}"
        try:
            result = assignment.train(settings, folder, device, resume)
        except Interrupted as stop:
            say(f"{stop}\n{again}")
            return 130
        except KeyboardInterrupt:  # before or after the training, or the second one in it
            if folder.last.exists():
                say(f"continue from the last checkpoint with\n{again}")
            raise
        result = {"assignment": assignment.name, "preset": options.preset, **result}
        folder.write_json("result.json", result)
        if folder.writer:
            write_seal(folder.path)
    say("result " + json.dumps(result, ensure_ascii=False))
    return 0
