"""`submit` as a student calls it: what is in the zip, that it can be graded, what is refused."""

import hashlib
import shutil
import zipfile

import pytest

from assignments.commands.submit import submit
from data_tools.errors import KitError
from reports.grading.seal import SEAL, check_seal
from reports.grading.submission import NEEDED, TAKEN


@pytest.fixture(scope="module")
def handed_in(backprop_run, tmp_path_factory):
    """The zip of a run, made by the command in this process, and what it printed."""
    import contextlib
    import io

    said, out = io.StringIO(), tmp_path_factory.mktemp("submit") / "mine.zip"
    with contextlib.redirect_stdout(said):
        assert submit(str(backprop_run), out) == 0
    return out, said.getvalue()


def test_the_zip_is_complete_and_holds_nothing_else(handed_in, backprop_run):
    with zipfile.ZipFile(handed_in[0]) as archive:
        assert archive.namelist() == list(TAKEN)
        for name in archive.namelist():
            assert archive.read(name) == (backprop_run / name).read_bytes()
    assert handed_in[0].stat().st_size < sum((backprop_run / name).stat().st_size for name in TAKEN)


def test_it_was_graded_as_the_teacher_will(handed_in):
    assert "as claimed" in handed_in[1] and "Nothing was edited after the run" in handed_in[1]
    assert f"written to {handed_in[0]}" in handed_in[1]


def test_an_earlier_submission_is_replaced_and_nothing_else_is(handed_in, backprop_run, tmp_path, capsys):
    out = tmp_path / "mine.zip"
    out.write_text("precious")
    with pytest.raises(KitError, match="mine.zip is there already and no submission, so it is not replaced"):
        submit(str(backprop_run), out)
    assert out.read_text() == "precious"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("photographs/1.jpg", b"x")
    with pytest.raises(KitError, match="no submission"):
        submit(str(backprop_run), out)
    shutil.copy(handed_in[0], out)
    assert submit(str(backprop_run), out) == 0 and f"replaced {out}" in capsys.readouterr().out
    assert out.read_bytes() == handed_in[0].read_bytes()


def test_the_same_run_gives_the_same_bytes(handed_in, backprop_run, tmp_path):
    from assignments.commands.submit import pack

    copy = shutil.copytree(backprop_run, tmp_path / "copy")  # other times
    (copy / "figures").mkdir()
    (copy / "figures" / "figure.png").write_bytes(b"not asked for")
    pack(copy, tmp_path / "again.zip")
    sums = {hashlib.sha256(path.read_bytes()).hexdigest() for path in (handed_in[0], tmp_path / "again.zip")}
    assert len(sums) == 1


def test_a_finished_run_is_sealed_and_one_that_goes_on_is_sealed_anew(backprop_run, tmp_path):
    from assignments.backprop.run import main

    assert check_seal(backprop_run) == []
    assert all((backprop_run / SEAL).stat().st_mtime_ns >= (backprop_run / name).stat().st_mtime_ns for name in TAKEN)
    copy = shutil.copytree(backprop_run, tmp_path / "copy")
    (copy / "result.json").write_text("{}")
    assert check_seal(copy) == ["result.json"]
    # nothing was begun
    assert main(["--resume", str(copy), "--seed", "-1"]) == 2 and check_seal(copy) == ["result.json"]
    assert main(["--resume", str(copy)]) == 0 and check_seal(copy) == []


def test_what_cannot_be_handed_in_is_refused(backprop_run, tmp_path):
    unfinished = shutil.copytree(backprop_run, tmp_path / "unfinished")
    (unfinished / "result.json").unlink()
    with pytest.raises(KitError, match=r"no result.json.*\n.* run backprop --resume \\\n *" + str(unfinished)):
        submit(str(unfinished), tmp_path / "a.zip")
    other = shutil.copytree(backprop_run, tmp_path / "other")
    (other / "config.yaml").write_text("assignment: cooking\npreset: x\nsettings: {}\n")
    with pytest.raises(KitError, match="'cooking' is no assignment"):
        submit(str(other), tmp_path / "a.zip")
    with pytest.raises(KitError, match="ends in .zip"):
        submit(str(backprop_run), tmp_path / "a.tar")
    with pytest.raises(KitError, match="neither an assignment"):
        submit(str(tmp_path / "absent"), tmp_path / "a.zip")
    broken = shutil.copytree(backprop_run, tmp_path / "broken")
    weights = broken / NEEDED[-1]
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(KitError, match="cannot be graded"):
        submit(str(broken), tmp_path / "a.zip")
    assert not list(tmp_path.glob("*.zip")) and not list(tmp_path.glob(".*.tmp"))
