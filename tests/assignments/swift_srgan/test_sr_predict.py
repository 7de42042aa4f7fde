"""`predict swift_srgan` as a user calls it: pictures of every kind, folders that go on, videos, tiles, mistakes."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image, ImageCms

from assignments.__main__ import main
from assignments.common.media import open_source
from assignments.swift_srgan.generators import SHARPNESS, Generator
from assignments.swift_srgan.predict import Record, _targets, parser
from data_tools.batches.bicubic import enlarge_bicubic
from data_tools.errors import KitError
from data_tools.files.atomic import write_atomically
from data_tools.files.image_set import decode
from data_tools.files.places import PROJECT_ROOT
from paddle_models.deploy.tiling import enlarge, tiles
from paddle_models.networks.srgan import SRResNet
from paddle_models.networks.swift_srgan import SwiftGenerator
from paddle_models.tasks.image_metrics import psnr
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.weights.files import save_weights
from tests.films import film, times


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
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, env=dict(os.environ))


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
    assert "cmyk.tif: CMYK becomes RGB" in said and said.count("note:") == 1
    modes = {"rgb": "RGB", "alpha": "RGBA", "deeper/grey": "L", "greyalpha": "LA", "deep": "I;16", "deep_rgb": "RGB",
             "cmyk": "RGB"}
    for name, mode in modes.items():
        with Image.open(tmp_path / "out" / f"{name}.png") as image:
            assert (image.mode, image.size) == (mode, (120, 84)), name
        values = decode((tmp_path / "out" / f"{name}.png").read_bytes()).astype(int)
        if mode in ("RGBA", "LA"):  # decode() lays it on white
            values = np.asarray(Image.open(tmp_path / "out" / f"{name}.png").convert("RGBA"))[..., :3].astype(int)
        expected = enlarge_bicubic(rgb if mode.startswith("RGB") else np.repeat(rgb[..., :1], 3, axis=2), 4)
        assert psnr(values, expected) > 35, name
    kept = np.asarray(Image.open(tmp_path / "out" / "alpha.png"))[..., 3].astype(int)
    assert np.abs(kept - np.asarray(Image.fromarray(alpha).resize((120, 84), Image.Resampling.BICUBIC))).max() == 0


def test_sharpness_lies_between_the_kits_two_weights(tmp_path, capfd):
    cv2.imwrite(str(tmp_path / "a.png"), picture())
    enlarged = {}
    for name, words in ("0", ["--sharpness", "0"]), ("default", []), ("1", ["--sharpness", "1"]):
        assert predict("blend", tmp_path / "a.png", tmp_path / name, *words) == 0
        enlarged[name] = decode((tmp_path / name / "a.png").read_bytes()).astype(int)
    assert f"blend, sharpness {SHARPNESS}" in capfd.readouterr().out
    assert f"default: {SHARPNESS}" in " ".join(parser().format_help().split())
    ends = np.abs(enlarged["0"] - enlarged["1"]).mean()
    assert all(0 < np.abs(enlarged["default"] - enlarged[end]).mean() < ends for end in "01")
    assert predict("pixel", tmp_path / "a.png", tmp_path / "no", "--sharpness", "0.5") == 2


def test_sixteen_bits_colours_and_sizes_of_dots_stay(weights, tmp_path, capfd):
    folder, levels = tmp_path / "in", np.tile(np.arange(20000, 20480, 16, np.uint16), (21, 1))  # two steps of 8 bits
    folder.mkdir()
    Image.fromarray(levels).save(folder / "xray.tif", dpi=(300, 300))
    assert cv2.imwrite(str(folder / "colour.png"), np.dstack([levels] * 3))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(picture()).save(folder / "printed.jpg", icc_profile=profile, dpi=(240, 240))
    Image.fromarray((levels / 65535).astype(np.float32)).save(folder / "float.tif")
    assert predict(weights, folder, tmp_path / "out") == 0
    said, errors = capfd.readouterr()
    assert "float.tif: float values become 16 bits, 0 black and 1 white" in said and errors == ""
    for name in ("xray", "colour", "float"):
        values = cv2.imread(str(tmp_path / "out" / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert values.dtype == np.uint16 and values.shape[:2] == (84, 120) and len(np.unique(values)) > 50, name
        assert abs(float(values.mean()) - levels.mean()) < 300, name
    with Image.open(tmp_path / "out" / "xray.png") as xray, Image.open(tmp_path / "out" / "printed.png") as printed:
        assert xray.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        assert printed.info["icc_profile"] == profile and printed.info["dpi"] == pytest.approx((240, 240), abs=0.1)


def test_pictures_are_told_by_their_content_and_the_rest_is_named(weights, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, kind in (("chrome.jfif", "JPEG"), ("none", "PNG"), ("wrong.txt", "JPEG"), ("old.jpe", "JPEG"),
                       ("photo.jp2", "JPEG2000"), ("grey.pgm", "PPM"), ("moves.gif", "GIF")):
        more = {"save_all": True, "append_images": [Image.new("RGB", (30, 21))]} if kind == "GIF" else {}
        Image.fromarray(picture()).save(folder / name, kind, **more)
    for name, content in (("notes.txt", b"words"), ("empty.png", b""), ("new.jxl", b"\xff\x0a" + bytes(90)),
                          ("layers.psd", b"8BPS" + bytes(90)), ("clip.mp4", b"\0\0\0\x20ftypisom" + bytes(90))):
        (folder / name).write_bytes(content)
    assert predict(weights, folder, tmp_path / "out") == 0
    said, errors = capfd.readouterr()
    assert "images enlarged: 7 in" in said and "left out: 5; in" in said and errors == ""
    for words in ("notes.txt: is no image", "empty.png: is empty", "new.jxl: is a JPEG XL picture",
                  "clip.mp4: is a film", "layers.psd: is a Photoshop picture",
                  "note: moves.gif: one of 2 frames, the first"):
        assert words in said
    assert sorted(path.stem for path in (tmp_path / "out").glob("*.png")) == sorted(
        ["chrome", "none", "wrong", "old", "photo", "grey", "moves"])
    assert predict(weights, folder / "new.jxl", tmp_path / "one") == 2
    assert "new.jxl is a JPEG XL picture, which is not read here" in capfd.readouterr().err


def test_many_that_are_left_out_are_all_named_in_a_file(weights, tmp_path, capfd):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(picture()).save(folder / "a.png")
    for number in range(50):
        (folder / f"{number:02}.txt").write_text("words")
    assert predict(weights, folder, tmp_path / "out") == 0
    said = capfd.readouterr().out
    assert said.count(": is no image") == 20 and "left out: 30 more, all named in" in said
    assert len((tmp_path / "out" / "left_out.txt").read_text().splitlines()) == 50


def test_names_that_are_no_utf8_are_escaped_and_repeating_works(weights, tmp_path, capfd):
    folder = os.fsencode(tmp_path / "in")
    os.mkdir(folder)
    for name in ("测试图片1.png".encode("gbk"), b"plain.png", "猴子.png".encode()):
        with open(os.path.join(folder, name), "wb") as file:
            Image.fromarray(picture()).save(file, "PNG")
    assert predict(weights, tmp_path / "in", tmp_path / "out") == 0
    said, errors = capfd.readouterr()
    assert "images enlarged: 3 in" in said and errors == ""
    lines = [json.loads(line) for line in (tmp_path / "out" / "enlarged.jsonl").read_text("utf-8").splitlines()]
    assert {line.get("name") for line in lines} == {None, "\\xb2\\xe2\\xca\\xd4ͼƬ1.png", "plain.png", "猴子.png"}
    assert "测试图片1.png".encode("gbk") in os.listdir(os.fsencode(tmp_path / "out"))
    assert predict(weights, tmp_path / "in", tmp_path / "out") == 0
    assert "images enlarged: 0 in" in (said := capfd.readouterr().out) and "there already: 3" in said


def calls(function) -> int:
    """Calls that Python makes meanwhile: work that does not depend on the machine."""
    count = 0

    def each(*_) -> None:
        nonlocal count
        count += 1

    sys.setprofile(each)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count


def test_the_work_for_a_folder_grows_with_its_pictures_not_their_square(tmp_path):
    small, large = [], []
    for count, found in ((300, small), (3000, large)):
        folder, out = tmp_path / f"in{count}", tmp_path / f"out{count}"
        folder.mkdir()
        for number in range(count):
            (folder / f"{number:05}.bmp").write_bytes(b"BM%d" % number)
        found.append(calls(lambda: _targets(open_source(str(folder)).names)))  # noqa: B023

        def written(count=count, folder=folder, out=out) -> None:
            out.mkdir()
            with closing(Record(out / "enlarged.jsonl", {"a": 1})) as record:
                for number in range(count):
                    write_atomically(out / f"{number:05}.png", b"small")
                    record.add(f"{number:05}.bmp", b"BM%d" % number)

        before = bytes_written()
        found += [calls(written), bytes_written() - before]
        with closing(Record(out / "enlarged.jsonl", {"a": 1})) as record:
            assert record.has(f"{count - 1:05}.bmp", b"BM%d" % (count - 1), out / f"{count - 1:05}.png")
    assert all(more < 13 * less for less, more in zip(small, large)), (small, large)


def bytes_written() -> int:
    """By this process, as Linux counts them."""
    return int(Path("/proc/self/io").read_text().split("wchar: ")[1].split()[0])


def test_a_line_that_a_kill_cut_short_costs_its_picture_only(tmp_path):
    path = tmp_path / "enlarged.jsonl"
    (tmp_path / "x.png").touch()
    with closing(Record(path, {"a": 1})) as record:
        record.add("0", b"0")
        record.add("1", b"1")
    path.write_text(path.read_text()[:-9])
    with closing(Record(path, {"a": 1})) as record:
        assert [record.has(name, name.encode(), tmp_path / "x.png") for name in "012"] == [True, False, False]
        record.add("2", b"2")
    with closing(Record(path, {"a": 1})) as record:
        assert [record.has(name, name.encode(), tmp_path / "x.png") for name in "012"] == [True, False, True]
    with closing(Record(path, {"a": 2})) as record:
        assert not record.has("0", b"0", tmp_path / "x.png")


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
    (out / "enlarged.jsonl").write_text("[1")
    assert predict(weights, folder, out) == 0 and "images enlarged: 3 in" in capfd.readouterr().out


def start(source, weights, out) -> subprocess.Popen:
    """The command in a process of its own, which has said that the first picture is finished."""
    command = [sys.executable, "-m", "assignments", "predict", "swift_srgan", "--source", source, "--weights", weights]
    process = subprocess.Popen([*command, "--out", out], cwd=PROJECT_ROOT, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    for line in process.stdout:
        if re.match(r"\d+%  (image|frame) 1/", line):
            return process
    raise AssertionError(process.communicate())


def test_ctrl_c_in_a_folder_names_the_command_that_goes_on(weights, tmp_path, capfd):
    folder, out = tmp_path / "in", tmp_path / "my pictures"
    folder.mkdir()
    for number in range(60):
        Image.fromarray(picture(60, 80, seed=number)).save(folder / f"{number:02}.png")
    (folder / "notes.pdf").write_bytes(b"%PDF-1.7")
    (process := start(folder, weights, out)).send_signal(signal.SIGINT)
    said, errors = process.stdout.read(), process.stderr.read()
    assert process.wait(60) == 130 and errors == "" and "left out: notes.pdf: is a PDF document" in said
    assert f"repeat the command with --out '{out}'" in said
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
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "enlarged.jsonl"]
    lines = (out / "enlarged.jsonl").read_text().splitlines()
    assert [json.loads(line).get("name") for line in lines] == [None, "a.png"]
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

    generate, scale = Generator(network, "", "", ""), network.scale
    whole = enlarge(generate, scale, image, 0, finish=as_it_is)
    tiled = enlarge(generate, scale, image, 22, 16, finish=as_it_is)
    assert whole.shape == (scale * 60, scale * 44, 3)
    assert np.abs(tiled - whole).max() / max(1, np.abs(whole).max()) < 1e-4
    seams = enlarge(generate, scale, image, 22, 0, finish=as_it_is)
    assert np.abs(seams - whole).max() > 1e-4  # the margin is what does it
    with pytest.raises(KitError, match="tiles of -1"):
        enlarge(generate, scale, image, -1)


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
