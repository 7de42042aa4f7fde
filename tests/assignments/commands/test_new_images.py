"""`new NAME --like images`, from a folder with class folders of any names to a judged network."""

import importlib
import json

import numpy as np

from assignments.__main__ import main
from data_tools.sets.class_folders import read_class_folders
from tests.data_tools.sets.test_audit import recompressed
from tests.data_tools.small_set import encoded, write_folder

NAMES = ("猫 和 狗", "a:b", "100 % <real>")


def test_it_trains_on_any_class_folders_and_no_copy_stands_on_both_sides(folder, tmp_path, capfd):
    files = {f"{name}/{n}:.jpg": encoded(100 * place + n) for place, name in enumerate(NAMES) for n in range(10)}
    files |= {f"{NAMES[0]}/copy of {n}.jfif": recompressed(files[f"{NAMES[0]}/{n}:.jpg"]) for n in range(10)}
    files["a:b/damaged.jpg"], files["poster.jpg"] = b"\xff\xd8\xff damaged", encoded(999)
    data = write_folder(tmp_path / "my: pictures", files)
    assert main(["new", "mine", "--like", "images"]) == 0
    importlib.invalidate_caches()
    assert "data audit FOLDER" in capfd.readouterr().out
    words = ["run", "mine", "--preset", "smoke", "--data", str(data), "--out", str(tmp_path / "run: 1")]
    assert main(words) == 2  # of a damaged image, which is named with the way out
    said = capfd.readouterr().err
    assert "a:b/damaged.jpg" in said and "--skip_unreadable true" in said and "Traceback" not in said
    assert main([*words, "--skip_unreadable", "true"]) == 0
    said = capfd.readouterr().out
    assert "10 image(s) nearly repeat another one" in said and "left out: poster.jpg" in said
    result = json.loads((tmp_path / "run: 1" / "result.json").read_text(encoding="utf-8"))
    assert result["assignment"] == "mine" and result["origin"] == "real" and "a:b/damaged.jpg" in result["unreadable"]
    with np.load(tmp_path / "run: 1" / "predictions.npz", allow_pickle=False) as answers:
        assert sorted(answers["classes"].tolist()) == sorted(NAMES)
        judged = set(answers["names"].tolist())
    found = read_class_folders(data)
    assert judged == set(found.test.names) - {"a:b/damaged.jpg"}
    originals = [{name.replace("copy of ", "").rsplit(".")[0].rstrip(":") for name in names}
                 for names in (judged, found.training.names, found.validation.names)]
    assert originals[0] and not originals[0] & (originals[1] | originals[2])
    assert main(["data", "audit", str(data)]) == 0 and "nearly the same" in capfd.readouterr().out
