"""`predict face_attributes` as a user calls it: pictures, folders, videos; tables, mistakes, Ctrl-C."""

import csv
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from PIL import Image, ImageCms

from assignments.__main__ import main
from assignments.face_attributes import annotate
from assignments.face_attributes.model import FaceReader, exported, network_from
from assignments.face_attributes.run import WORK, FaceSettings
from data_tools.drawing.attributes import ATTRIBUTES
from data_tools.drawing.face_drawing import draw_face
from data_tools.errors import KitError
from data_tools.files import places
from data_tools.files.places import PROJECT_ROOT
from data_tools.sets.face_finder import FaceFinder, align_to_celeba
from paddle_models.networks.face_attributes import face_attribute_net, to_label_order
from paddle_models.tasks.calibration import tempered
from paddle_models.trainer.checkpoint import network_arrays, save_checkpoint
from paddle_models.trainer.run_folder import RunFolder
from paddle_models.trainer.settings import to_dict
from paddle_models.weights.files import load_weights, save_weights
from tests.films import CODECS, drift, times
from tests.films import film as talk
from tests.terminal import ENGLISH

ROOT = PROJECT_ROOT
PEOPLE = (("Young", "No_Beard", "Brown_Hair"), ("Male", "Goatee", "Black_Hair"), ("Smiling", "No_Beard", "Blond_Hair"))
PLACES = ((20, 30, 178), (390, 10, 220), (225, 250, 150))


def scene(places, height: int = 480, width: int = 640) -> np.ndarray:
    """places: (x, y, width) of drawn people."""
    picture = np.full((height, width, 3), (126, 134, 142), np.uint8)
    for number, (x, y, size) in enumerate(places):
        face = draw_face(np.random.default_rng(number), PEOPLE[number % 3], (size, round(size * 218 / 178)))
        picture[y:y + face.shape[0], x:x + face.shape[1]] = face
    return picture


def save(path: Path, picture: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


def film(path: Path, pictures, rate: float = 12.0, codec: str = "mp4v") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), rate, pictures[0].shape[1::-1])
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def frames(path: Path) -> int:
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.read()[0]:
        count += 1
    capture.release()
    return count


def table(folder: Path) -> list[dict]:
    with open(folder / "faces.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    """A small network with answers that are not all one half; its weights in float16, as the kit's own."""
    paddle.seed(1)
    network = face_attribute_net("s0", 64, widths=(16, 8))
    for name, value in network.state_dict().items():
        if name.endswith("output.bias"):
            value.set_value(paddle.linspace(-3.0, 3.0, value.shape[0]))
    halves = {name: array.astype(np.float16) for name, array in network_arrays(network).items()}
    path = tmp_path_factory.mktemp("weights") / "face_attributes_tiny.safetensors"
    save_weights(path, halves, {"variant": "s0", "image_size": "64", "heads": "regions"})
    return path


def predict(weights, source, out, *more) -> int:
    return main(["predict", "face_attributes", "--source", str(source), "--weights", str(weights), "--out", str(out),
                 *more])


def test_several_faces_in_one_picture(weights, tmp_path, capfd):
    source = save(tmp_path / "party.png", scene(PLACES))
    assert predict(weights, source, tmp_path / "out") == 0
    said, errors = capfd.readouterr()
    assert "images: 1, faces: 3, " in said and errors == ""
    stages = [line.split()[0] for line in said.splitlines() if "%" in line]
    assert stages == ["decode", "detect", "classify", "draw", "write", "all"]
    rows = table(tmp_path / "out")
    assert [row["face"] for row in rows] == ["0", "1", "2"] and {row["source"] for row in rows} == {"party.png"}
    network, picture = network_from(weights), scene(PLACES)
    network.eval()
    for row, face in zip(rows, FaceFinder()(picture)):
        crop = cv2.resize(align_to_celeba(picture, face.box)[20:198], (64, 64), interpolation=cv2.INTER_AREA)
        inputs = paddle.to_tensor(crop.transpose(2, 0, 1)[None].astype(np.float32) / 255)
        expected = to_label_order(network.probabilities(inputs)).numpy()[0]
        found = np.array([float(row[name]) for name in ATTRIBUTES])
        assert np.abs(found - expected).max() < 1e-3 and np.ptp(found) > 0.5
        assert float(row["x"]) == pytest.approx(face.box[0], abs=0.06)
    drawn = cv2.imread(str(tmp_path / "out" / "party.jpg"))
    assert drawn.shape == (480, 640, 3)
    changed = np.abs(drawn[:, :, ::-1].astype(int) - picture).max(axis=2) > 60
    assert 0.01 < changed.mean() < 0.6


def test_a_group_has_numbers_and_a_list_beside_the_picture(weights, tmp_path, capfd):
    source = save(tmp_path / "class.png", scene([(20 + 120 * (n % 5), 20 + 150 * (n // 5), 100) for n in range(15)]))
    for language in ("en", "zh"):
        assert predict(weights, source, tmp_path / language, "--lang", language) == 0
    said, errors = capfd.readouterr()
    english, chinese = re.split("^(?=引擎)", said, flags=re.M)
    assert "images: 1, faces: " in english and "图像：1，人脸：" in chinese and "毫秒/帧" in chinese
    assert not ENGLISH.search(chinese)
    rows = table(tmp_path / "en")
    assert len(rows) >= 14 and errors == "" and "no face was found" not in said
    drawn, original = cv2.imread(str(tmp_path / "en" / "class.jpg")), cv2.imread(str(source))
    assert drawn.shape[0] >= 480 and drawn.shape[1] > 640 + 100
    beside = drawn[:, 640:].min(axis=2)
    assert 0.01 < (beside < 120).mean() < 0.3  # letters on paper
    assert (np.abs(drawn[:480, :640].astype(int) - original).max(axis=2) > 60).mean() < 0.15  # faces stay free


def test_the_list_of_a_group_has_a_line_for_every_face_whatever_the_picture():
    text = ["Young 93 %", "Smiling 88 %", "Wavy Hair 77 %", "Attractive 71 %"]
    for height, width, count in ((3000, 2000, 180), (200, 300, 180), (480, 640, 4), (40, 40, 7)):
        boxes = [(n % 20 * width / 20, n // 20 * height / 10, width / 40, width / 40) for n in range(count)]
        drawn = annotate.annotate_group(np.full((height, width, 3), 120, np.uint8), boxes, [text] * count)
        size = int(np.clip(round(max(height, width) / 90), 9, 28))
        columns = (drawn.shape[1] - width) // (34 * size)
        wide, tops = 34 * size, range(size // 2, drawn.shape[0] - size, round(1.4 * size))
        lines = sum(bool((drawn[top:top + size, left:left + wide] < 250).any())
                    for left in range(width, drawn.shape[1], wide) for top in tops)
        assert 0 < columns <= 3 and lines == count


def test_pictures_without_a_face_say_what_to_try(weights, tmp_path, capfd):
    source = save(tmp_path / "wall.png", np.full((50, 60, 3), 90, np.uint8))
    assert predict(weights, source, tmp_path / "out") == 0
    said = capfd.readouterr().out
    assert "no face was found in wall.png; try --min-face 0.005" in said and "data fetch yunet" in said
    for share in ("0", "-1", "nan", "2"):
        assert predict(weights, source, tmp_path / "out", "--min-face", share) == 2
        assert "--min-face is a share" in capfd.readouterr().err


def test_yunet_is_preferred_where_it_was_fetched(weights, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(places, "data", lambda: tmp_path)
    source = save(tmp_path / "wall.png", np.full((50, 60, 3), 90, np.uint8))
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_text("no network")
    assert predict(weights, source, tmp_path / "out") == 2
    assert "cannot be read as an ONNX network" in capfd.readouterr().err
    assert predict(weights, source, tmp_path / "out", "--yunet", "none") == 0


def test_profile_and_odd_names_of_pictures(weights, tmp_path, capfd):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (60, 50)).save(folder / "p.jpg", icc_profile=profile, dpi=(240, 240))
    with open(os.path.join(os.fsencode(folder), "猴子.png".encode("gbk")), "wb") as file:
        Image.fromarray(scene(PLACES[:1])).save(file, "PNG")
    (folder / "notes.txt").write_text("words")
    for _ in range(2):
        assert predict(weights, folder, tmp_path / "out") == 0
        said, errors = capfd.readouterr()
        assert "images: 2, faces: 1" in said and "left out: notes.txt: is no image" in said and errors == ""
    assert [row["source"] for row in table(tmp_path / "out")] == ["\\xba\\xef\\xd7\\xd3.png"]
    with Image.open(tmp_path / "out" / "p.jpg") as written:
        assert written.info["icc_profile"] == profile and written.info["dpi"] == (240, 240)


def test_a_folder_with_a_broken_image_and_one_without_a_face(weights, tmp_path, capfd):
    save(tmp_path / "in" / "a.png", scene(PLACES[:1]))
    save(tmp_path / "in" / "deeper" / "b.jpg", np.full((50, 60, 3), 90, np.uint8))
    (tmp_path / "in" / "c.jpg").write_bytes(b"\xff\xd8\xff no image")
    assert predict(weights, tmp_path / "in", tmp_path / "out") == 0
    said, errors = capfd.readouterr()
    assert "images: 2, faces: 1, " in said and "left out:" in said
    assert "c.jpg cannot be decoded" in said and errors == ""
    assert [row["source"] for row in table(tmp_path / "out")] == ["a.png"]
    written = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg")]
    assert sorted(written) == ["a.jpg", "deeper/b.jpg"]


@pytest.mark.parametrize("name, codec", [("walk.mp4", "mp4v"), ("walk.avi", "MJPG")])
def test_a_video_is_annotated_frame_by_frame(weights, tmp_path, capfd, name, codec):
    source = film(tmp_path / name, [scene([(60 + 10 * step, 40, 220)]) for step in range(10)], 12.0, codec)
    assert predict(weights, source, tmp_path / "out", "--group", "3") == 0
    said, errors = capfd.readouterr()
    assert "frames: 10, faces: 10, " in said and "frames/s" in said and errors == ""
    written = tmp_path / "out" / "walk.mp4"
    assert frames(written) == 10 and cv2.VideoCapture(str(written)).get(cv2.CAP_PROP_FPS) == pytest.approx(12)
    rows = table(tmp_path / "out")
    assert [int(row["frame"]) for row in rows] == list(range(10))
    moved = np.diff([float(row["x"]) for row in rows])
    assert moved.sum() == pytest.approx(90, abs=12)


def test_a_video_without_a_face_and_a_limit_of_frames(weights, tmp_path, capfd):
    source = film(tmp_path / "empty.mp4", [np.full((120, 160, 3), 90, np.uint8)] * 9)
    assert predict(weights, source, tmp_path / "out", "--frames", "4") == 0
    said = capfd.readouterr().out
    assert "frames: 4, faces: 0, " in said and "faces from 0.1 of the longest side on (--min-face)" in said
    assert table(tmp_path / "out") == [] and frames(tmp_path / "out" / "empty.mp4") == 4


def test_a_film_keeps_its_sound_and_is_said_to_be_cut_off(weights, tmp_path, capfd):
    source = talk(tmp_path / "talk.mp4", 24, "24", codecs=(*CODECS, "-movflags", "+faststart"))
    assert predict(weights, source, tmp_path / "whole") == 0
    assert drift(source, tmp_path / "whole" / "talk.mp4") < 0.001 and "note:" not in capfd.readouterr().out
    source.write_bytes(source.read_bytes()[:source.stat().st_size * 7 // 10])
    assert predict(weights, source, tmp_path / "cut") == 0
    said, errors = capfd.readouterr()
    assert "note: talk.mp4 is cut off or damaged: it claims 1.00 s" in said and errors == ""
    assert 0 < len(times(tmp_path / "cut" / "talk.mp4")) < 24 and times(tmp_path / "cut" / "talk.mp4", "a")


@pytest.mark.parametrize("make, words", [
    (lambda p: p / "absent.jpg", "there is no such file or folder"),
    (lambda p: 73, "there is no camera 73"),
    (lambda p: (p / "x.mp4").write_bytes(b"no video" * 99) and p / "x.mp4", "is neither an image nor a film"),
    (lambda p: (p / "notes.txt").write_text("words") and p / "notes.txt", "notes.txt is neither an image nor a film"),
    (lambda p: (p / "x.avi").touch() or p / "x.avi", "is neither an image nor a film"),
    (lambda p: (p / "x.jpg").write_bytes(b"no image") and p / "x.jpg", "x.jpg cannot be decoded"),
    (lambda p: (p / "x").mkdir() or p / "x", "holds no image"),
])
def test_a_bad_source_gets_one_message(weights, tmp_path, capfd, make, words):
    assert predict(weights, make(tmp_path), tmp_path / "out") == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and words in errors


@pytest.mark.parametrize("more, words", [
    (["--weights", "absent.safetensors"], "absent.safetensors: there is no such file"),
    (["--model", "absent"], "card.json is missing"),
    (["--yunet", "absent.onnx"], "absent.onnx: there is no such file"),
    (["--yunet", str(ROOT / "README.md")], "cannot be read as an ONNX network"),
    (["--threshold", "2"], "--threshold"),
    (["--engine", "warp"], "unknown engine 'warp'"),
])
def test_a_bad_option_gets_one_message(weights, tmp_path, capfd, more, words):
    source = save(tmp_path / "x.png", np.full((40, 40, 3), 90, np.uint8))
    assert predict(weights, source, tmp_path / "out", *more) == 2
    errors = capfd.readouterr().err
    assert errors.startswith("error: ") and errors.count("\n") == 1 and words in errors


def test_originals_are_never_overwritten(weights, tmp_path, capfd):
    source = save(tmp_path / "me.jpg", np.full((40, 40, 3), 90, np.uint8))
    before = source.read_bytes()
    for given in (source, tmp_path):
        assert predict(weights, given,
                       tmp_path / "." / "x" / "..") == 2 and "folder of the originals" in capfd.readouterr().err
    assert source.read_bytes() == before and list(tmp_path.iterdir()) == [source]


def test_weights_that_do_not_say_their_network_are_refused(tmp_path):
    for metadata in ({}, {"variant": "s0", "heads": "regions", "image_size": "huge"},
                     {"variant": "s0", "heads": "regions", "image_size": "99999"}):
        save_weights(tmp_path / "w.safetensors", {"x": np.zeros(3, np.float32)}, metadata)
        with pytest.raises(KitError, match="its header"):
            exported(tmp_path / "w.safetensors")


def test_answers_are_as_sure_as_the_temperature_of_the_weights_says(weights, tmp_path):
    arrays, metadata = load_weights(weights)
    save_weights(tmp_path / "unsure.safetensors", arrays, {**metadata, "temperature": "2.5"})
    crops = [np.random.default_rng(0).random((3, 64, 64), np.float32)]
    sure, unsure = (FaceReader(weights=path, engine="paddle")(crops) for path in
                    (weights, tmp_path / "unsure.safetensors"))
    np.testing.assert_allclose(tempered(sure, 2.5), unsure, atol=1e-5)
    assert np.abs(sure - unsure).max() > 0.1
    for text in ("hot", "nan", "-1"):
        save_weights(tmp_path / "bad.safetensors", arrays, {**metadata, "temperature": text})
        with pytest.raises(KitError, match=f"says temperature '{text}'"):
            exported(tmp_path / "bad.safetensors")


def test_the_export_is_made_once_and_again_when_it_was_damaged(weights, capsys):
    folder = exported(weights)
    stamp = (folder / "card.json").stat().st_mtime_ns
    assert exported(weights) == folder and (folder / "card.json").stat().st_mtime_ns == stamp
    (folder / "model.pdiparams").write_bytes(b"damaged")
    assert exported(weights) == folder and FaceReader(folder, engine="paddle")([]).shape == (0, 40)


def test_a_run_folder_is_exported_once_too(tmp_path):
    with RunFolder(tmp_path / "my-run") as run:
        run.write_config("face_attributes", "smoke", to_dict(FaceSettings(image_size=64, variant="s0")))
        with pytest.raises(KitError, match="best.safetensors: the run has not finished"):
            exported(run.path)
        network = WORK.network(FaceSettings(image_size=64, variant="s0"), ())
        save_checkpoint(run.best, {"networks/model": network_arrays(network)}, {})
    reader = FaceReader(weights=run.path, engine="paddle")
    assert reader([np.zeros((3, 64, 64), np.float32)]).shape == (1, 40) and reader.folder.name.startswith("my-run-")
    stamp = (reader.folder / "card.json").stat().st_mtime_ns
    assert exported(run.path) == reader.folder and (reader.folder / "card.json").stat().st_mtime_ns == stamp
    with pytest.raises(KitError, match=f"is an exported network; name it with --model {reader.folder}"):
        exported(reader.folder)
    run.write_config("glasses", "smoke", {})
    with pytest.raises(KitError, match="my-run is a run of glasses, not of face_attributes"):
        exported(run.path)


def test_ctrl_c_ends_with_whole_files(weights, tmp_path):
    exported(weights)
    source = film(tmp_path / "long.avi", [np.full((120, 160, 3), 90, np.uint8)] * 9000, 25, "MJPG")
    out = tmp_path / "out"
    process = subprocess.Popen([sys.executable, "-m", "assignments", "predict", "face_attributes", "--source", source,
                                "--weights",
                                weights, "--out", out, "--engine", "paddle", "--group", "2"], cwd=ROOT, text=True,
                               env={**os.environ, "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(out.glob(".long.mp4*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and errors == ""
    count = int(re.search(r"stopped; frames: (\d+)", said).group(1))
    assert sorted(path.name for path in out.iterdir()) == ["faces.csv", "long.mp4"]
    assert 0 < count < 9000 and 0 <= frames(out / "long.mp4") - count <= 2 and table(out) == []


def test_text_stays_inside_the_picture_and_faces_beyond_its_border_are_drawn():
    names, values = list(ATTRIBUTES), np.linspace(0, 1, 40)
    text = annotate.lines(values, names, 0.9)
    assert text == ["Young 100 %", "Wearing Necktie 97 %", "Wearing Necklace 95 %", "Wearing Lipstick 92 %"]
    assert annotate.lines(values, names, 0.0)[-1].startswith("Straight Hair") and len(annotate.lines(values, names,
                                                                                                     0.0)) == 8
    for height, width in ((480, 640), (100, 300), (20, 20), (1, 1), (2000, 400)):
        picture = np.full((height, width, 3), 120, np.uint8)
        boxes = [(-30, -20, 90, 90), (width - 40, height - 40, 90, 90), (5, 5, 8, 8)]
        drawn = annotate.annotate(picture, boxes, [text] * 3)
        assert drawn.shape == picture.shape and (picture == 120).all()
    taken = [(100, 100, 80, 80), (190, 110, 200, 200)]  # free is above only
    panel = annotate._place(taken[0], text, 12, 640, 480, taken)
    assert all(annotate._overlap(panel, other) == 0 for other in taken)
    assert panel[0] >= 0 and panel[1] >= 0 and panel[0] + panel[2] <= 640 and panel[1] + panel[3] <= 480
