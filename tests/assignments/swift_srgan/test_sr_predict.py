"""`predict swift_srgan` as a user calls it: pictures of every kind, folders that go on, videos, tiles, mistakes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image

from assignments.__main__ import main
from data_tools.batches.bicubic import enlarge_bicubic
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.deploy.tiling import enlarge, tiles
from paddle_models.networks.srgan import SRResNet
from paddle_models.networks.swift_srgan import SwiftGenerator
from paddle_models.tasks.image_metrics import psnr
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.weights.files import save_weights
from tests.films import film, times

ROOT = PROJECT_ROOT


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A residual generator of one block that is close to the bicubic enlargement."""
    paddle.seed(0)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    network = SwiftGenerator(4, residual=True, blocks=1)
    save_weights(path, network_arrays(network), {"model": "swift_srgan", "scale": "4", "residual": "true"})
    return path


def picture(height: int = 21, width: int = 30, seed: int = 0) -> np.ndarray:
    steps = np.random.default_rng(seed).integers(-6, 7, (height, width, 3))
    return (np.cumsum(steps, axis=1).clip(-90, 90) + 128).astype(np.uint8)


def predict(weights, source, out, *more) -> int:
    return main(["predict", "swift_srgan", "--source", str(source), "--weights", str(weights), "--out", str(out),
                 *map(str, more)])


def limited(size: int, *words) -> subprocess.CompletedProcess:
    """The command in a process that may write no file above `size` bytes, as on a full disk."""
    program = (f"import resource, signal, sys\nsignal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
               f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
               "from assignments.__main__ import main\nsys.exit(main(sys.argv[1:]))")
    command = [sys.executable, "-c", program, "predict", "swift_srgan", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=dict(os.environ))


def test_every_kind_of_picture_keeps_its_kind(weights, tmp_path, capfd):
    rgb, folder = picture(), tmp_path / "in"
    (folder / "deeper").mkdir(parents=True)
    alpha = np.linspace(0, 255, rgb.shape[0] * rgb.shape[1]).reshape(rgb.shape[:2]).astype(np.uint8)
    Image.fromarray(rgb).save(folder / "rgb.png")
    Image.fromarray(np.dstack([rgb, alpha])).save(folder / "alpha.png")
    Image.fromarray(rgb[..., 0]).save(folder / "deeper" / "grey.bmp")
    Image.fromarray(np.dstack([rgb[..., 0], alpha])).save(folder / "greyalpha.png")
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 257).save(folder / "deep.png")
    assert cv2.imwrite(str(folder / "deep_rgb.png"), rgb[..., ::-1].astype(np.uint16) * 257)
    Image.fromarray(rgb).convert("CMYK").save(folder / "cmyk.tif")
    assert predict(weights, folder, tmp_path / "out") == 0
    said, errors = capfd.readouterr()
    assert errors == "" and "images enlarged: 7 in" in said
    for note in ("deep.png: 16 bits become 8", "deep_rgb.png: 16 bits become 8", "cmyk.tif: CMYK becomes RGB"):
        assert note in said
    modes = {"rgb": "RGB", "alpha": "RGBA", "deeper/grey": "L", "greyalpha": "LA", "deep": "L", "deep_rgb": "RGB",
             "cmyk": "RGB"}
    for name, mode in modes.items():
        with Image.open(tmp_path / "out" / f"{name}.png") as image:
            assert (image.mode, image.size) == (mode, (120, 84)), name
            values = np.asarray(image.convert("RGB")).astype(int)
        expected = enlarge_bicubic(rgb if mode.startswith("RGB") else np.repeat(rgb[..., :1], 3, axis=2), 4)
        assert psnr(values, expected) > 35, name
    kept = np.asarray(Image.open(tmp_path / "out" / "alpha.png"))[..., 3].astype(int)
    assert np.abs(kept - np.asarray(Image.fromarray(alpha).resize((120, 84), Image.Resampling.BICUBIC))).max() == 0


def test_a_folder_goes_on_where_it_was_and_leaves_out_what_is_broken(weights, tmp_path, capfd):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(picture(seed=number)).save(folder / f"{number}.png")
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[:len(whole) // 2])
    assert predict(weights, folder, out) == 0
    said, errors = capfd.readouterr()
    assert "images enlarged: 2 in" in said and "left out: 1;" in said
    assert "1.png cannot be decoded" in said and errors == ""
    stamp = (out / "0.png").stat().st_mtime_ns
    (folder / "1.png").write_bytes(whole)
    Image.fromarray(picture(seed=9)).save(folder / "2.png")  # another picture of that name
    assert predict(weights, folder, out) == 0
    assert "images enlarged: 2 in" in (said := capfd.readouterr().out) and ", there already: 1," in said
    assert (out / "0.png").stat().st_mtime_ns == stamp
    assert predict(weights, folder, out, "--tile", 8) == 0 and "images enlarged: 3 in" in capfd.readouterr().out
    assert predict(weights, folder, out, "--tile", 8,
                   "--no-residual") == 0 and "images enlarged: 3 in" in capfd.readouterr().out
    (out / "enlarged.json").write_text("[1")
    assert predict(weights, folder, out) == 0 and "images enlarged: 3 in" in capfd.readouterr().out


def start(source, weights, out) -> subprocess.Popen:
    """The command in a process of its own, which has said that the first picture is finished."""
    command = [sys.executable, "-m", "assignments", "predict", "swift_srgan", "--source", source, "--weights", weights]
    process = subprocess.Popen([*command, "--out", out], cwd=ROOT, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"},
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for line in process.stdout:
        if line.startswith(("image 1/", "frame 1/")):
            return process
    raise AssertionError(process.communicate())


def test_ctrl_c_in_a_folder_names_the_command_that_goes_on(weights, tmp_path, capfd):
    folder, out = tmp_path / "in", tmp_path / "my pictures"
    folder.mkdir()
    for number in range(60):
        Image.fromarray(picture(60, 80, seed=number)).save(folder / f"{number:02}.png")
    process = start(folder, weights, out)
    process.send_signal(signal.SIGINT)
    said, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(60) == 130 and errors == "" and f"repeat the command with --out '{out}'" in said
    done = len(list(out.glob("*.png")))
    assert 0 < done < 60 and predict(weights, folder, out) == 0
    kept = int(re.search(r"there already: (\d+)", capfd.readouterr().out)[1])
    # the signal may come between a picture and its record
    assert len(list(out.glob("*.png"))) == 60 and 0 <= done - kept <= 1


def test_a_full_disk_keeps_what_is_finished(weights, tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    Image.fromarray(picture()).save(folder / "a.png")
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3)).astype(np.uint8)).save(folder / "b.png")
    done = limited(60_000, "--source", folder, "--weights", weights, "--out", out)
    assert done.returncode == 2 and done.stderr.startswith("error: cannot write") and done.stderr.count("\n") == 1
    assert "b.png" in done.stderr and "make room" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "enlarged.json"]
    assert list(json.loads((out / "enlarged.json").read_text())["finished"]) == ["a.png"]
    assert predict(weights, folder, out) == 0 and Image.open(out / "b.png").size == (360, 360)


@pytest.mark.parametrize("make, words", [
    (lambda p: p / "absent.png", "there is no such file or folder"),
    (lambda p: 0, "cameras are not enlarged"),
    (lambda p: (p / "x.mp4").write_bytes(b"no video" * 99) and p / "x.mp4", "is neither an image nor a film"),
    (lambda p: (p / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40)) and p / "x.png", "x.png cannot be decoded"),
    (lambda p: (p / "x").mkdir() or p / "x", "holds no image"),
])
def test_a_bad_source_gets_one_message(weights, tmp_path, capfd, make, words):
    assert predict(weights, make(tmp_path), tmp_path / "out") == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and words in errors


def test_the_folder_of_the_originals_and_too_large_pictures_are_refused(weights, tmp_path, capfd):
    Image.fromarray(picture()).save(tmp_path / "a.png")
    assert predict(weights, tmp_path / "a.png", tmp_path) == 2 and "folder of the originals" in capfd.readouterr().err
    assert predict(weights, tmp_path,
                   tmp_path / "x4") == 2 and "choose an --out outside of it" in capfd.readouterr().err
    assert not (tmp_path / "x4").exists()
    Image.new("L", (4100, 4000)).save(tmp_path / "large.png")
    assert predict(weights, tmp_path / "large.png", tmp_path / "out") == 2
    assert "16400x16000 pixels" in capfd.readouterr().err


# ---- tiles


def test_tiles_cover_an_image_once():
    for height, width, side in ((1, 1, 5), (7, 20, 6), (33, 9, 32)):
        seen = np.zeros((height, width), int)
        for top, left, bottom, right in tiles(height, width, side):
            assert 0 < bottom - top <= side and 0 < right - left <= side
            seen[top:bottom, left:right] += 1
        assert (seen == 1).all()


@pytest.mark.parametrize("build", [lambda: SwiftGenerator(2, blocks=4), lambda: SRResNet(2, blocks=2, channels=16)])
def test_tiled_and_whole_agree_everywhere(build):
    paddle.seed(1)
    network = build()
    network.eval()
    image = picture(60, 44)

    def as_it_is(values):
        return values

    whole = enlarge(network, image, 0, finish=as_it_is)
    tiled = enlarge(network, image, 22, 16, finish=as_it_is)
    assert whole.shape == (network.scale * 60, network.scale * 44, 3)
    assert np.abs(tiled - whole).max() / max(1, np.abs(whole).max()) < 1e-4
    seams = enlarge(network, image, 22, 0, finish=as_it_is)
    assert np.abs(seams - whole).max() > 1e-4  # the margin is what does it
    with pytest.raises(KitError, match="tiles of -1"):
        enlarge(network, image, -1)


# ---- videos


def count(path: Path) -> tuple[int, tuple[int, int]]:
    """(frames, (height, width))"""
    capture, found, shape = cv2.VideoCapture(str(path)), 0, (0, 0)
    while (read := capture.read())[0]:
        found, shape = found + 1, read[1].shape[:2]
    capture.release()
    return found, shape


@pytest.mark.parametrize("name, sound", [("clip.mp4", True), ("clip.avi", True), ("silent.mp4", False)])
def test_a_video_is_enlarged_with_its_sound(weights, tmp_path, capfd, name, sound):
    source = film(tmp_path / name, 6, sound=sound)
    assert predict(weights, source, tmp_path / "out", "--tile", 20) == 0
    said, errors = capfd.readouterr()
    assert "frames: 6 in" in said and ("with sound" in said) == sound and errors == ""
    (written,) = (tmp_path / "out").iterdir()
    assert written.name == f"{source.stem}.mp4" and count(written) == (6, (136, 184))
    assert bool(times(written, "a")) == sound


def test_ctrl_c_leaves_a_video_of_the_frames_so_far(weights, tmp_path):
    source, out = film(tmp_path / "long.mp4", 600), tmp_path / "out"
    process = start(source, weights, out)
    process.send_signal(signal.SIGINT)
    said, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(60) == 130 and errors == ""
    done = int(said.split("stopped; frames: ")[1].split()[0])
    assert 0 < done < 600 and [path.name for path in out.iterdir()] == ["long.mp4"]
    assert 0 <= count(out / "long.mp4")[0] - done <= 1  # the signal may come between a frame and its count


def test_a_full_disk_leaves_no_half_video(weights, tmp_path):
    source, out = film(tmp_path / "clip.mp4", 40), tmp_path / "out"
    done = limited(9_000, "--source", source, "--weights", weights, "--out", out)
    assert done.returncode == 2 and done.stderr.startswith("error: cannot") and done.stderr.count(
        "\n") == 1, done.stderr
    assert list(out.iterdir()) == []
