"""Real runs of every assignment on tiny data, made in this process: what judges and graders are tried on."""

import importlib
from pathlib import Path

import numpy as np
from PIL import Image

from data_tools.drawing.attributes import ATTRIBUTES
from tests.assignments.glasses.glasses_set import write_set
from tests.data_tools.small_set import encoded, monkey_files, write_folder

STEPS = ["--preset", "smoke", "--epochs", "1", "--max_steps", "2"]
WORDS = {  # beside --data and --out
    "backprop": ["--preset", "smoke", "--target_error", "0.1", "--digits_epochs", "2", "--iris_steps", "2",
                 "--noise_draws", "1",
                 "--check_networks", "1", "--autoencoder_steps", "2", "--follow_steps", "5"],
    "monkey_species": [*STEPS, "--model", "mobilenet_v2", "--batch_size", "10", "--flip_at_test", "true",
                       "--augmentation", "none", "--iris_steps", "3"],
    "face_attributes": [*STEPS, "--batch_size", "8", "--head_widths", "[8]", "--augmentation", "none"],
    "swift_srgan": [*STEPS, "--adversarial", "false", "--residual", "true", "--crop", "16", "--train_sets", "[T91]",
                    "--validation_sets", "[T91]", "--test_sets", "[Set5]"],
    "glasses": [*STEPS, "--image_size", "16", "--filters", "[4,6]", "--batch_size", "8"]}


def write_data(name: str, folder: Path) -> str:
    """A tiny set for the work's --data; empty where it brings its own."""
    if name == "monkey_species":
        write_folder(folder, monkey_files(2, 2))
    elif name == "face_attributes":
        lines = [f"{number:06}.jpg " + " ".join("1" if (number + i) % 3 else "-1" for i in range(len(ATTRIBUTES)))
                 for number in range(1, 25)]
        parts = [f"{number:06}.jpg {0 if number < 17 else 1 if number < 21 else 2}" for number in range(1, 25)]
        write_folder(folder, {f"img_align_celeba/{number:06}.jpg": encoded(number, (178, 218))
                              for number in range(1, 25)})
        (folder / "list_attr_celeba.txt").write_text("\n".join(["24", " ".join(ATTRIBUTES), *lines]) + "\n")
        (folder / "list_eval_partition.txt").write_text("\n".join(parts) + "\n")
    elif name == "swift_srgan":
        for part, count in (("T91", 3), ("Set5", 2)):
            (folder / part).mkdir(parents=True)
            for number in range(count):
                steps = np.random.default_rng(number).integers(-6, 7, (51, 50 + number, 3))
                pixels = (np.cumsum(steps, axis=1).clip(-90, 90) + 128).astype(np.uint8)
                Image.fromarray(pixels).save(folder / part / f"photo{number}.png")
    elif name == "glasses":
        write_set(folder)
    else:
        return ""
    return str(folder)


def make_run(name: str, folder: Path, *more: str) -> tuple[Path, str]:
    """(run folder, its data), finished, under `folder`; more: further words of the command line."""
    data = write_data(name, folder / "data")
    words = [*WORDS.get(name, STEPS), "--out", str(folder / "run"), *(["--data", data] if data else []), *more]
    assert importlib.import_module(f"assignments.{name}.run").main(words) == 0
    return folder / "run", data
