"""Films of every kind read and written: each picture at its time, the sound beside it, what is missing said."""

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data_tools.errors import KitError
from data_tools.files.film_writer import FilmWriter
from data_tools.files.films import FilmReader, Shot
from tests.films import drift, ffmpeg, film, times

SPARSE = ("-vf", "select='if(lt(t,1),not(mod(n,6)),1)'", "-fps_mode", "vfr")  # a telephone in a dark room


def copy(path: Path, target: Path, most: int = 10**9) -> tuple[FilmReader, FilmWriter]:
    reader = FilmReader(path)
    writer = FilmWriter(target, reader.rate, reader)
    for number, shot in enumerate(reader):
        if number == most:
            break
        writer.write(shot)
    writer.close()
    reader.close()
    return reader, writer


@pytest.mark.parametrize("name, arguments", [
    ("constant.mp4", {}), ("vfr.mp4", {"more": SPARSE}), ("vfr.mkv", {"more": SPARSE}),
    ("lecture.mp4", {"rate": "1/20", "frames": 5}), ("one.mp4", {"frames": 1}),
    ("late.mp4", {"delay": 1.5}), ("late.mkv", {"delay": 0.7}), ("broadcast.ts", {}),
    ("old.avi", {"codecs": ("-c:v", "mpeg4", "-c:a", "mp3")}), ("camera.avi", {"codecs": ("-c:v", "mjpeg")}),
    ("web.webm", {}), ("sound.mkv", {"codecs": ("-c:v", "libx264", "-c:a", "flac")}), ("odd.mp4", {
        "size": "47x31", "codecs": ("-c:v", "libx264", "-pix_fmt", "yuv444p")}), ("silent.mp4", {"sound": False}),
])
def test_every_picture_comes_at_its_time_with_the_sound_beside_it(tmp_path, name, arguments):
    original = film(tmp_path / name, **{"frames": 48, "rate": "24", **arguments})
    result = tmp_path / "result" / "film.mp4"
    reader, writer = copy(original, result)
    pictures, sound, sound_before = times(result), times(result, "a"), times(original, "a")
    assert len(pictures) == len(times(original)) == reader.count and reader.problems == writer.problems == []
    assert drift(original, result) < 0.001
    assert bool(sound) == bool(sound_before) == writer.sound
    if writer.sound:
        assert sound[-1] == pytest.approx(sound_before[-1] - sound_before[0], abs=0.05)
    said = ffmpeg("-i", result, "-t", "0", "-f", "null", "-")
    assert "h264" in said and "yuv420p" in said and [path.name for path in result.parent.iterdir()] == ["film.mp4"]
    boxes = result.read_bytes()
    assert boxes.index(b"moov") < boxes.index(b"mdat")  # a browser begins before it has all


def test_a_part_of_the_pictures_has_its_part_of_the_sound(tmp_path):
    original = film(tmp_path / "long.mp4", 72, "24", more=SPARSE)
    reader, _ = copy(original, tmp_path / "part.mp4", 10)
    assert not reader.finished and len(times(tmp_path / "part.mp4")) == 10
    end = times(original)[10]
    assert end - 0.05 < times(tmp_path / "part.mp4", "a")[-1] + 0.024 < end + 0.05


def test_colours_and_turns_are_the_originals(tmp_path):
    original = film(tmp_path / "wide.mp4", 12, "12", sound=False, size="64x48")
    ffmpeg("-display_rotation", "90", "-i", original, "-c", "copy", tmp_path / "tall.mp4")
    copy(original, tmp_path / "again.mp4")
    first, again, tall = (next(iter(FilmReader(tmp_path / name))).picture
                          for name in ("wide.mp4", "again.mp4", "tall.mp4"))
    assert np.abs(first.astype(int) - again).mean() < 6
    assert tall.shape == (64, 48, 3)
    ffmpeg("-i", tmp_path / "tall.mp4", "-frames:v", "1", tmp_path / "tall.png")  # turned by ffmpeg itself
    from PIL import Image
    assert np.abs(np.asarray(Image.open(tmp_path / "tall.png").convert("RGB")).astype(int) - tall).mean() < 6


@pytest.mark.parametrize("name, more", [("cut.mp4", ("-movflags", "+faststart")), ("cut.mkv", ()), ("cut.avi", ())])
def test_a_film_that_is_cut_off_says_how_far_it_goes(tmp_path, name, more):
    original = film(tmp_path / name, 96, "24", more=more)
    content = original.read_bytes()
    original.write_bytes(content[:len(content) * 6 // 10])
    reader, writer = copy(original, tmp_path / "result.mp4")
    count = len(times(tmp_path / "result.mp4"))
    assert 10 < count < 96 and reader.count == count and writer.sound
    (problem,) = reader.problems
    assert "cut off or damaged: it claims 4.0" in problem and f" s ({count}" in problem
    until = float(problem.split("came until ")[1].split()[0])
    assert until == pytest.approx(count / 24, abs=0.09)


def test_damage_in_the_middle_is_said_and_the_rest_is_kept(tmp_path):
    original = film(tmp_path / "scratched.mp4", 96, "24", more=("-g", "12"), codecs=(
        "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart"))
    content = bytearray(original.read_bytes())
    middle = slice(len(content) // 2, len(content) // 2 + 3000)
    content[middle] = bytes(7 * byte % 251 for byte in content[middle])
    original.write_bytes(content)
    reader, _ = copy(original, tmp_path / "result.mp4")
    assert "is damaged" in reader.problems[0] and len(times(tmp_path / "result.mp4")) == reader.count > 48
    assert drift(original, tmp_path / "result.mp4") < 0.2


@pytest.mark.parametrize("make, words", [
    (lambda path: film(path, 24).write_bytes(path.read_bytes()[:3000]), "cut off: the list of its pictures"),
    (lambda path: path.write_bytes(b"no film" * 99), "neither an image nor a film"),
    (lambda path: path.write_bytes(b""), "neither an image nor a film"),
    (lambda path: path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nother.ts\n"), "neither an image nor"),
    (lambda path: ffmpeg("-f", "lavfi", "-i", "sine=duration=1", path), "only sound"),
])
def test_what_is_no_film_gets_one_message(tmp_path, make, words):
    make(tmp_path / "x.mp4")
    with pytest.raises(KitError, match=words):
        FilmReader(tmp_path / "x.mp4")


def test_names_that_are_no_utf8_and_have_colons(tmp_path):
    original = film(tmp_path / "a.mp4", 6)
    for name in (b"clock 12:30.mp4", "猴子.mp4".encode("gbk")):
        odd = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
        odd.write_bytes(original.read_bytes())
        reader, writer = copy(odd, odd.parent / "out" / odd.name)
        assert reader.count == 6 and writer.sound and (odd.parent / "out" / odd.name).is_file()


@pytest.mark.parametrize("name", ["12:30.mp4", "concat:a|b.mp4", "%03d [x]*.mp4", "-x.mp4", "http:x.mp4"])
def test_a_relative_name_is_no_protocol_no_option_and_no_pattern(tmp_path, monkeypatch, name):
    original = film(tmp_path / "a.mp4", 3)
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(original.read_bytes())
    reader, writer = copy(Path(name), Path("out: %d") / name)
    assert reader.count == 3 and writer.sound and [path.name for path in Path("out: %d").iterdir()] == [name]


def test_pictures_of_another_size_are_refused_and_nothing_is_left(tmp_path):
    writer = FilmWriter(tmp_path / "out" / "x.mp4", 25.0)
    writer.write(Shot(np.zeros((20, 30, 3), np.uint8), Fraction(0), Fraction(1, 25)))
    with pytest.raises(KitError, match="change from 30x20 to 20x20 pixels"):
        writer.write(Shot(np.zeros((20, 20, 3), np.uint8), Fraction(1, 25), Fraction(1, 25)))
    writer.abandon()
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("suffix, codecs", [
    (".avi", ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-c:a", "pcm_u8")), (".wmv", ("-c:v", "wmv2", "-c:a", "wmav2")),
    (".mkv", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-ac", "6", "-c:a", "ac3"))], ids=["avi", "wmv", "5.1"])
def test_sound_whose_channels_have_no_name_or_are_many_becomes_aac(tmp_path, suffix, codecs):
    original = film(tmp_path / f"a{suffix}", 6, codecs=codecs)
    reader, writer = copy(original, tmp_path / "out.mp4")
    assert reader.count == 6 and writer.sound and writer.problems == [] and times(tmp_path / "out.mp4", "a")
