"""The reader of run folders: damaged, hostile and missing files each give one clear message."""

import io
import json
import os
import zipfile

import numpy as np
import pytest

from data_tools.errors import BadFile, KitError
from reports.run_reader import Run, latest_beside_runs, look_up, read_arrays
from tests.reports.make_run import make_run


@pytest.fixture
def run(tmp_path):
    return Run(make_run(tmp_path / "run"), "monkey_species")


def npy_bytes(array, claimed_shape=None):
    """An .npy file, its header claiming another shape when asked to."""
    stream = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    header["shape"] = claimed_shape or array.shape
    np.lib.format.write_array_header_1_0(stream, header)
    stream.write(array.tobytes())
    return stream.getvalue()


def write_zip(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def test_reads_every_file(run):
    assert run.origin == "drawn" and run.environment["device"] == "cpu"
    assert run.setting("optimizer.lr") == 0.001 and run.setting("optimizer.nothing", 7) == 7
    epochs, accuracy = run.series("epoch", "epoch", "val/accuracy")
    assert epochs.tolist() == list(range(8)) and 0 < accuracy.min() < accuracy.max() < 1
    assert run.artifact("gradcam_maps", (8, None, None), "f").shape == (8, 7, 7)


@pytest.mark.parametrize("name, ask", [
    ("result.json", lambda r: r.result), ("config.yaml", lambda r: r.config), ("metrics.jsonl", lambda r: r.metrics),
    ("predictions.npz", lambda r: r.prediction("labels", (None,))),
    ("artifacts.npz", lambda r: r.artifact("iris_steps", (None,)))])
def test_missing_file_names_itself_and_the_command(run, name, ask):
    (run.path / name).unlink()
    with pytest.raises(KitError, match=rf"{name} is missing.*run\.py --preset sample"):
        ask(run)


def test_missing_folder_names_itself_and_the_command(tmp_path):
    with pytest.raises(KitError, match=r"nowhere: no such run folder.*run\.py --preset sample"):
        Run(tmp_path / "nowhere", "monkey_species")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_read(run):
    (run.path / "result.json").unlink()
    os.mkfifo(run.path / "result.json")
    with pytest.raises(KitError, match="missing"):
        _ = run.result


def test_objects_are_never_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.array([print], dtype=object))
    with pytest.raises(KitError, match="elements of type object"):
        read_arrays(tmp_path / "a.npz")


def test_texts_without_a_width_are_refused(tmp_path):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<U0", "fortran_order": False, "shape": (10**12,)})
    with pytest.raises(KitError, match="elements of type <U0"):
        read_arrays(write_zip(tmp_path / "a.npz", a=stream.getvalue()))


def test_what_a_run_writes_of_few_texts_is_read(tmp_path):
    texts = {"none": np.array([], dtype="U"), "names": np.array((), dtype="U"), "empty": np.array([""]),
             "one": np.array("")}
    np.savez(tmp_path / "a.npz", **texts)
    assert {name: array.tolist() for name, array in read_arrays(tmp_path / "a.npz").items()} == {
        "none": [], "names": [], "empty": [""], "one": ""}


def test_claimed_shape_is_checked_before_allocation(tmp_path):
    content = npy_bytes(np.zeros(4), claimed_shape=(1 << 40,))
    with pytest.raises(KitError, match="bytes do not fit"):
        read_arrays(write_zip(tmp_path / "a.npz", a=content))


def test_arrays_that_unpack_too_large_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("reports.run_reader.ARRAYS_LIMIT", 1 << 20)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(1 << 18))
    with pytest.raises(KitError, match="unpacks to 2 MB"):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 40])
def test_damaged_archive(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(KitError, match="a.npz is damaged"):
        read_arrays(tmp_path / "a.npz")


def test_damaged_member(tmp_path):
    content = npy_bytes(np.arange(1000.0))
    path = write_zip(tmp_path / "a.npz", a=content)
    path.write_bytes(path.read_bytes().replace(np.float64(500).tobytes(), np.float64(501).tobytes()))
    with pytest.raises(KitError, match="damaged"):
        read_arrays(path)


@pytest.mark.parametrize("shape, kinds", [((8, 6, 6), "f"), ((8, None), "f"), ((8, None, None), "u")])
def test_unexpected_shape_or_type(run, shape, kinds):
    with pytest.raises(KitError, match="gradcam_maps is float32"):
        run.artifact("gradcam_maps", shape, kinds)


def test_not_finite_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "artifacts.npz", a=np.array([1.0, np.nan]))
    with pytest.raises(KitError, match="NaN"):
        Run(tmp_path, "monkey_species").artifact("a", (None,), "f")


def test_half_line_of_a_kill_is_left_out(run, capsys):
    whole = len(run.metrics)
    with open(run.path / "metrics.jsonl", "a") as file:
        file.write('{"kind": "step", "st')
    assert len(Run(run.path, "monkey_species").metrics) == whole
    assert "last line is incomplete" in capsys.readouterr().out


@pytest.mark.parametrize("line, message", [("{", "line 1 is not valid JSON"), ("[1]", "holds a list"),
                                           ("[" * 60000, "not valid JSON"), (f'"{"x" * 70000}"', "longer than 64 KB")])
def test_bad_line_is_named(tmp_path, line, message):
    (tmp_path / "metrics.jsonl").write_text(line + "\n{}\n")
    with pytest.raises(KitError, match=message):
        _ = Run(tmp_path, "monkey_species").metrics


@pytest.mark.parametrize("value", ["text", True, None, 10**400])
def test_series_takes_numbers_only(tmp_path, value):
    (tmp_path / "metrics.jsonl").write_text(json.dumps({"kind": "step", "step": 1, "lr": value}) + "\n")
    with pytest.raises(KitError, match="not a number"):
        Run(tmp_path, "monkey_species").series("step", "step", "lr")


def test_yaml_makes_no_objects(tmp_path):
    (tmp_path / "config.yaml").write_text("!!python/object/apply:os.getcwd []")
    with pytest.raises(KitError, match="config.yaml is not valid YAML"):
        _ = Run(tmp_path, "monkey_species").config


@pytest.mark.parametrize("text, kind", [
    ("a: &x 1\nb: *x", "yaml-aliases"), ("a: !!python/name:os.system", "yaml-tags"), ("a: !x 1", "yaml-tags"),
    ("[" * 30 + "]" * 30, "yaml-deep"), ("a: [" + "1," * 200_000 + "]", "yaml-deep"), ("- [", "bad-yaml"),
    ("[1]", "bad-yaml"),
    ("a: 2024-99-99", "bad-yaml"), ("[" * 5000, "yaml-deep")])
def test_yaml_holds_plain_values_only(tmp_path, text, kind):
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(BadFile, match="config.yaml") as caught:
        _ = Run(tmp_path, "monkey_species").config
    assert caught.value.kind == kind


def test_long_metrics_are_read_row_by_row_up_to_the_limit(tmp_path, monkeypatch):
    (tmp_path / "metrics.jsonl").write_text('{"kind": "step", "step": 1}\n' * 1000)
    rows = Run(tmp_path, "monkey_species").rows()
    assert next(rows) == {"kind": "step", "step": 1} and sum(1 for _ in rows) == 999
    monkeypatch.setattr("reports.run_reader.METRICS_LIMIT", 2800)
    with pytest.raises(BadFile, match="metrics.jsonl is larger than") as caught:
        list(Run(tmp_path, "monkey_species").rows())
    assert caught.value.kind == "metrics-too-large"


def test_what_stands_beside_runs_is_the_newest_that_fits(tmp_path, monkeypatch):
    monkeypatch.setenv("KIT_RUNS", str(tmp_path))
    assert latest_beside_runs("x", "made.json", origin="real") is None
    for age, (name, content) in enumerate((("old", '{"origin": "real"}'), ("real", '{"origin": "real"}'),
                                           ("drawn", '{"origin": "drawn"}'), ("damaged", '{"origin": "real'))):
        (tmp_path / "x" / name).mkdir(parents=True)
        file = tmp_path / "x" / name / "made.json"
        file.write_text(content)
        os.utime(file, (1000 + age, 1000 + age))
    for origin, name in (("real", "real"), ("drawn", "drawn"), ("subset", "damaged")):
        assert latest_beside_runs("x", "made.json", origin=origin).name == name
    assert latest_beside_runs("x", "made.json").name == "damaged"


def test_look_up():
    assert look_up({"a": {"b": 1}}, "a.b") == 1
    assert look_up({"a": 1}, "a.b", "none") == "none"
