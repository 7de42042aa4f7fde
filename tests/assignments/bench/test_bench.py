"""The benchmark's structure: turns, rows, what happens without PyTorch, on a death and on Ctrl-C. Nothing is timed
here."""

import importlib.util
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from assignments.bench import growth, images, inference, limit, scale, training, where
from assignments.bench.cases import CASES, Rival, find_case
from assignments.bench.harness import Result, _crew, peer_environment, set_goals
from assignments.bench.networks import NETWORKS, draw_paddle, draw_torch
from assignments.bench.table import make_row, read_table, row_id, update_table
from assignments.bench.turns import Absent, Finished, Turns
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from paddle_models.fast.onednn import Unavailable

ROOT = PROJECT_ROOT
BENCH = [sys.executable, "-m", "assignments", "bench"]
HERE = {"processor": "one", "cores": "2"}


def bench(*arguments):
    return subprocess.run([*BENCH, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=200)


def result(ratios=(), name="mobilenet_v2", **more):
    case = find_case(name)
    return Result(case, case.rivals[0], list(ratios), [ratio * 2.0 for ratio in ratios], [2.0] * len(ratios), **more)


def test_a_round_of_tiny_steps_fills_the_table(tmp_path):
    done = bench("swift_srgan", "--quick", "--rounds", 1, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    table = json.loads((tmp_path / "table.json").read_text())
    plain, torch = (table["rows"][f"swift_srgan / {name}"] for name in ("plain paddle.Model.fit", "PyTorch eager"))
    assert plain["ratio"]["rounds"] == 1 and plain["ratio"]["median"] > 0 and not plain["obstacle"]
    assert {"ours", "against"} == set(plain["speed"]) and plain["date"] and plain["goal"]
    assert plain["notes"]["kit"].startswith("cpu, ") and "tiny sizes" in plain["what"]
    if importlib.util.find_spec("torch"):
        assert torch["ratio"]["median"] > 0 and "threads" in torch["notes"]["PyTorch eager"]
    else:
        assert torch["ratio"] is None and torch["obstacle"].startswith(
            "not installed") and "requirements-bench" in done.stdout
    shown = (tmp_path / "table.md").read_text()
    assert shown.count("| train Swift-SRGAN") == 4 and "## Machine 1" in shown and "- cores: " in shown
    assert str(ROOT) not in shown + json.dumps(table)


@pytest.mark.parametrize("peer", find_case("swift_srgan-bfloat16").peers, ids=lambda peer: peer.name)
def test_one_turn_of_training_in_bfloat16(tmp_path, monkeypatch, peer):
    if "PyTorch" in peer.name:
        pytest.importorskip("torch")
    monkeypatch.setattr("sys.stdin", io.StringIO("go\n"))
    said = io.StringIO()
    try:
        with pytest.raises(Finished):
            peer.work(Turns(0.0, True, tmp_path, said))
    except Absent as reason:
        pytest.skip(str(reason))
    assert json.loads(said.getvalue().splitlines()[1])["units"] == 2


def test_two_processes_take_a_turn_together_and_end(tmp_path):
    code = ("import sys; from pathlib import Path; from assignments.bench import processes, turns\n"
            "try: processes.kit_in_two('swift_srgan', turns.Turns(0.0, True, Path(sys.argv[1]), sys.stdout))\n"
            "except turns.Finished: print('end')")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, env=peer_environment(), input="go\n",
                          capture_output=True, text=True, timeout=200)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("{", "end"))]  # gloo prints, too
    assert done.returncode == 0 and lines[2:] == ["end"], done.stderr
    assert "1 threads" in json.loads(lines[0])["ready"] and json.loads(lines[1])["units"] == 2


def test_an_unknown_case_is_refused_with_the_list():
    done = bench("mobilenet")
    assert done.returncode == 2 and "did you mean mobilenet_v2?" in done.stderr and "packed-store" in done.stderr


def test_growth_and_scale_are_known_and_sizes_belong_to_growth():
    done = bench("scales")
    assert done.returncode == 2 and "did you mean scale?" in done.stderr and "growth" in done.stderr
    done = bench("list", "--quick", "--sizes", 20)
    assert done.returncode == 2 and "--sizes is for growth" in done.stderr


@pytest.mark.parametrize("peer", [images.read_records, images.decode_faces_each_epoch])
def test_one_turn_of_faces(tmp_path, monkeypatch, peer):
    monkeypatch.setattr("sys.stdin", io.StringIO("go\n"))
    said = io.StringIO()
    with pytest.raises(Finished):
        peer(Turns(0.0, True, tmp_path, said))
    assert json.loads(said.getvalue().splitlines()[1])["units"] == images.BATCH


def test_growth_of_a_few_faces_is_measured_and_written(tmp_path):
    done = bench("growth", "--quick", "--sizes", 20, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    found = json.loads((tmp_path / "growth.json").read_text())
    row, = found["sizes"]
    first, = row["rounds"]
    assert row["images"] == row["pack"]["images"] == 20 and first["images"] == 16
    assert 0 < first["imported"] < first["labels_read"] < first["stores_open"] < first["first_batch"]
    assert first["epoch"] > 0 and 0 <= first["wait_share"] <= 1 and first["peak_mb"] >= first["first_batch_mb"] > 50
    shown = (tmp_path / "growth.md").read_text()
    assert "| 20 | " in shown and "these numbers mean nothing" in shown and str(ROOT) not in shown + json.dumps(found)
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def test_a_grown_set_is_celeba_of_any_length(tmp_path):
    from data_tools.sets.celeba import find_celeba

    celeba = find_celeba(growth.draw_set(tmp_path / "set", 50, tmp_path / "drawn", 10))
    assert [len(split) for split in (celeba.training, celeba.validation, celeba.test)] == [40, 5, 5]
    assert celeba.origin == "drawn" and celeba.training.read(9) == celeba.training.read(19) != celeba.training.read(18)
    assert (celeba.training.labels[9] == celeba.training.labels[19]).all()
    source = find_celeba(tmp_path / "drawn")
    assert celeba.training.read(2) == (tmp_path / "drawn/img_align_celeba/000004.jpg").read_bytes()
    assert (celeba.training.labels[2] == source.training.labels[3]).all()  # the picture's own labels


def grown(first_batch, others=0.0):
    rounds = [{"first_batch": first_batch + more, "epoch": 2.0, "images": 800, "wait_share": 0.1, "peak_mb": 500.0}
              for more in (-1, 0, 1)]
    sizes = [{"images": size, "pack": {"seconds": size / 500}, "rounds": rounds} for size in (1000, 10_000)]
    return {"sizes": sizes, "quick": False, "others": others, "date": "today", "commit": "c" * 40, "machine": HERE}


@pytest.mark.parametrize("seconds, others, verdict",
                         [(4.0, 0.0, "met"), (6.0, 0.0, "missed"), (4.0, 1.5, "not judged")])
def test_growth_judges_the_start(seconds, others, verdict):
    shown = growth.as_markdown(grown(seconds, others))
    assert f"First batch in under 5 s: {verdict}" in shown
    assert "10.0 times the images (1,000 to 10,000) took 1.0 times the epoch and 10.0 times the packing" in shown
    assert f"{seconds:.2f} ({seconds - 1:.2f} to {seconds + 1:.2f}) s" in shown and "| 2.500 s |" in shown


def test_growth_refuses_sizes_that_are_no_set(tmp_path):
    with pytest.raises(KitError, match="10 to 999,999"):
        growth.measure_growth(tmp_path, [5], 1, HERE, None, True)


def measured_table(folder):
    for name, ours, theirs in (("packed-store", 90_000.0, 750.0), ("augmentation", 700.0, 90.0)):
        case = find_case(name)
        update_table(folder, [Result(case, case.rivals[0], [ours / theirs], [ours], [theirs])], HERE, None)


def test_scale_computes_from_the_table(tmp_path):
    with pytest.raises(KitError, match="python -m assignments bench packed-store"):
        scale.write_scale(tmp_path)
    measured_table(tmp_path)
    (tmp_path / "growth.json").write_text(json.dumps(grown(4.0)))
    english, chinese = (path.read_text(encoding="utf-8") for path in scale.write_scale(tmp_path))
    assert "| 25,557,032 | 64 | 162,136 | 9.9 | 102.2 MB | 2 x 63/64 x 102.2 = 201.3 MB |" in english
    assert "20,267 / 750 = 27 cores" in english and "20,267 / 700 = 29 cores" in english and "27 核" in chinese
    assert "with 10,000 images in 4.0 s" in english and "not measured yet" in english and "201.3 MB" in chinese


def test_traffic_of_a_ring():
    traffic = scale.Traffic("small", 1_000_000, 16)
    assert (traffic.machines, traffic.gradient, traffic.ring) == (2, 4_000_000, 7_500_000)
    assert traffic.images == 2 * scale.A100[8] and traffic.steps == pytest.approx(scale.A100[8] / 8 / 256)
    assert traffic.share("25 Gb/s") == pytest.approx(7.5e6 / 3.125e9 * traffic.steps)


def test_names_of_cases_and_rows_are_unique():
    rows = [(case.name, rival.peer.name) for case in CASES for rival in case.rivals]
    assert len(set(rows)) == len(rows) and len({case.name for case in CASES}) == len(CASES)


def test_a_peer_that_dies_is_named_and_all_are_gone_afterwards():
    with _crew(find_case("list"), 0.0, True) as members:
        for member in members:
            member.prepare()
        members[0].process.kill()
        for member in members:
            member.work(counted=True)
        assert "status -9" in members[0].obstacle and not members[1].obstacle and len(members[1].speeds) == 1
    assert all(member.process.poll() is not None for member in members)


def test_peers_are_ended_when_the_measurement_fails():
    with pytest.raises(ZeroDivisionError), _crew(find_case("list"), 0.0, True) as members:
        raise ZeroDivisionError
    assert len(members) == 2 and all(member.process.poll() is not None for member in members)


def alive(group):
    """True while any process of the group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no process groups here")
def test_ctrl_c_ends_every_process_without_a_traceback(tmp_path):
    process = subprocess.Popen([*BENCH, "list", "--quick", "--rounds", "100000", "--out", str(tmp_path)], cwd=ROOT,
                               text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert "list" in process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)
    said, complained = process.communicate(timeout=60)
    assert process.returncode == 130 and complained == "" and "stopped" in said
    for _ in range(100):  # one that had just been started ends by itself: it got the signal, too
        if not alive(process.pid):
            break
        time.sleep(0.1)
    assert not alive(process.pid) and not list(tmp_path.iterdir())


def test_plain_paddle_starts_without_settings_of_the_kit(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MY_OWN", "kept")
    environment = peer_environment()
    assert environment["MY_OWN"] == "kept" and not any(key.startswith(("OMP_", "MKL_", "FLAGS_"))
                                                       for key in environment)
    code = ("import os, zlib, warnings; warnings.simplefilter('ignore'); import paddle; before = dict(os.environ)\n"
            "import paddle_models.weights.zoo; print(before == dict(os.environ), os.environ.get('OMP_WAIT_POLICY'))")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stdout.strip() == "True None", done.stderr


def test_a_gpu_case_says_that_there_is_none():
    import paddle

    if paddle.is_compiled_with_cuda() and paddle.device.cuda.device_count():
        pytest.skip("there is one")
    cases = [case for case in CASES if case.title.endswith("on a GPU")]
    assert len(cases) == 2 * (len(training.WORKLOADS) + len(inference.WORKLOADS))
    for case in cases:
        for peer in case.peers:
            with pytest.raises(Absent, match="no GPU here"):
                peer.work(None)


def test_single_rows_are_renewed_and_the_others_kept(tmp_path):
    update_table(tmp_path, [result([4.0, 5.0, 3.0]), result([2.0], "list")], HERE, "a" * 40)
    update_table(tmp_path, [result([2.0, 2.5], "mobilenet_v2")], {**HERE, "cores": "8"}, "b" * 40 + "+changes")
    table = read_table(tmp_path)
    new, old = (table["rows"][row_id(result(name=name))] for name in ("mobilenet_v2", "list"))
    assert (old["commit"], old["machine"], old["met"]) == ("a" * 40, "1", True)
    assert (new["commit"], new["machine"], new["met"]) == ("b" * 40 + "+changes", "2", False)
    assert new["ratio"] == {"median": 2.25, "quartiles": [2.125, 2.375], "rounds": 2}
    shown = (tmp_path / "table.md").read_text()
    assert "| 2.25 (2.12 to 2.38) | 3 x: missed |" in shown and "| bbbbbbbbbbbb+ | 2 |" in shown
    assert "0.25 and 0.50 s" in shown
    update_table(tmp_path, [result([1.0], "list")], {**HERE, "cores": "8"}, None)
    assert set(read_table(tmp_path)["machines"]) == {"2"}


def test_what_is_not_installed_now_does_not_erase_what_was_measured(tmp_path):
    update_table(tmp_path, [result([4.0])], HERE, None)
    absent = result(obstacle="not installed", absent=True)
    assert update_table(tmp_path, [absent], HERE, None)["rows"][row_id(absent)]["ratio"]["median"] == 4.0
    broken = result(obstacle="kit: ended with status -9")
    row = update_table(tmp_path, [broken], HERE, None)["rows"][row_id(broken)]
    assert row["ratio"] is None and "| kit: ended with status -9 |" in (tmp_path / "table.md").read_text()


def test_a_goal_is_not_judged_on_a_busy_machine(tmp_path):
    row = next(iter(update_table(tmp_path, [result([4.0], others=1.2)], HERE, None)["rows"].values()))
    assert row["met"] is None and "| 3 x: machine busy |" in (tmp_path / "table.md").read_text()


def test_a_missed_goal_is_explained_below_the_table(tmp_path, monkeypatch):
    case = find_case("augmentation")
    explained = replace(case, rivals=(Rival(case.rivals[0].peer, 6.0, "Superpixels take half."),))
    monkeypatch.setattr("assignments.bench.table.CASES", (explained,))
    update_table(tmp_path, [Result(explained, explained.rivals[0], [3.0], [3.0], [1.0])], HERE, None)
    shown = (tmp_path / "table.md").read_text()
    assert "| 3.00 (3.00 to 3.00) [1] | 6 x: missed |" in shown and "\n[1] Superpixels take half." in shown


@pytest.mark.parametrize("content", ["{", "[]", '{"rows": 3, "machines": {}}'])
def test_a_damaged_table_is_named_and_left_alone(tmp_path, content):
    (tmp_path / "table.json").write_text(content)
    with pytest.raises(KitError, match="table.json is not a table"):
        update_table(tmp_path, [result([4.0])], HERE, None)
    assert (tmp_path / "table.json").read_text() == content


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_the_pytorch_twin_is_the_kits_network(name):
    """The same parameters; with the same weights the same outputs (MobileNetV2's names differ)."""
    torch = pytest.importorskip("torch")
    import paddle

    side = 8 if name == "swift_srgan" else 64
    ours, theirs = NETWORKS[name].paddle(side), NETWORKS[name].torch(side)
    shapes = sorted(sorted(p.shape) for p in ours.parameters() if not p.stop_gradient)
    assert shapes == sorted(sorted(p.shape) for p in theirs.parameters())
    if name == "mobilenet_v2":
        return
    draw_paddle(ours)
    draw_torch(theirs)
    ours.eval()
    theirs.eval()
    images = np.random.default_rng(0).random((2, 3, side, side), dtype=np.float32)
    with paddle.no_grad(), torch.no_grad():
        found, expected = ours(paddle.to_tensor(images)).numpy(), theirs(torch.from_numpy(images)).numpy()
    assert np.abs(found - expected).max() < 1e-5 * max(0.1, np.abs(expected).max())  # a single logit may be near 0
    assert np.std(expected, axis=0).max() > 1e-3 * np.abs(expected).max()  # the images count


def test_rows_of_gpus_stand_apart(tmp_path):
    absent = [result(name=name, obstacle="no GPU here", absent=True) for name in ("resnet50-O1", "resnet50-O2")]
    update_table(tmp_path, [result([4.0]), *absent], HERE, None)
    shown = (tmp_path / "table.md").read_text()
    assert shown.count("\n| ") == 2 and "Not measured, no GPU here: `resnet50-O1`, `resnet50-O2`." in shown
    update_table(tmp_path, [result([1.7], "resnet50-O1")], HERE, None)
    measured, on_gpu = (tmp_path / "table.md").read_text().split("## On a GPU")
    assert "| 1.70 (1.70 to 1.70) |" in on_gpu and "no GPU here" in on_gpu and "on a GPU" not in measured


def test_the_goal_goes_to_the_fastest_rival():
    case = find_case("mobilenet_v2")
    plain, eager, last, compiled = case.rivals
    results = [Result(case, rival, [ratio], [ratio], [1.0]) for rival, ratio in
               ((plain, 5.0), (eager, 1.5), (last, 1.2))] + [Result(case, compiled, obstacle="no compiler")]
    set_goals(case, results)
    assert [each.goal for each in results] == [plain.goal, None, 1.1, None]
    rows = [make_row(each, "1", None) for each in results]
    assert [row["goal"] for row in rows] == ["3 x", "", "best rival, 1.1 x", ""]
    assert [row["met"] for row in rows] == [True, None, True, None]


def test_the_share_of_the_limit_is_shown(tmp_path):
    table = update_table(tmp_path, [result([4.0, 4.0], limit=[16.0, 10.0, 40.0])], HERE, None)
    assert table["rows"]["mobilenet_v2 / plain paddle.Model.fit"]["limit"] == 0.5
    assert "| 50 % |" in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize("work, name", [(limit.of_training, "glasses"), (limit.of_training, "swift_srgan"),
                                        (limit.of_inference, "infer-efficientformer_v2")])
def test_convolutions_alone_take_a_turn(tmp_path, monkeypatch, work, name):
    monkeypatch.setattr("sys.stdin", io.StringIO("go\n"))
    said = io.StringIO()
    try:
        with pytest.raises(Finished):
            work(name, False, Turns(0.0, True, tmp_path, said))
    except Unavailable as reason:
        pytest.skip(str(reason))
    ready, turn = map(json.loads, said.getvalue().splitlines())
    assert int(ready["ready"].split()[0]) >= 5 and turn["units"] == 2


def test_where_the_time_of_a_step_goes_is_printed():
    done = bench("glasses", "--where", "--quick")
    assert done.returncode == 0, done.stderr
    parts = {line[:24].strip(): float(line.split()[-1].rstrip("%")) for line in done.stdout.splitlines()[1:]}
    assert set(where.ORDER) < set(parts) and parts["one step"] == 100 and parts["convolution"] > 0
    assert abs(sum(parts.values()) - 200) < 1
    assert bench("infer-resnet50", "--where").returncode == 2
