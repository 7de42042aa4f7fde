"""Mixed precision on a GPU: the loss follows float32's, the scaler's state survives a restart."""

import json

import paddle
import pytest

from paddle_models.trainer.run_folder import RunFolder
from tests.paddle_models.trainer.tiny import plain_network, tiny_trainer

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(
    not paddle.is_compiled_with_cuda() or not paddle.device.cuda.device_count(), reason="no GPU")]


def trained(folder, **settings):
    paddle.set_device("gpu:0")
    with RunFolder(folder) as run:
        trainer = tiny_trainer(run, plain_network, device="gpu:0", **settings)
        trainer.fit()
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return trainer, [row["val/loss"] for row in rows if row["kind"] == "epoch"]


@pytest.mark.parametrize("level", ["O1", "O2"])
def test_loss_follows_float32(tmp_path, level):
    _, exact = trained(tmp_path / "exact", amp={"level": "off"})
    trainer, mixed = trained(tmp_path / "mixed", amp={"level": level, "dtype": "float16"})
    assert trainer.precision.level == level
    assert mixed == pytest.approx(exact, rel=0.03)
    trainer.load_best()
    assert {str(p.dtype) for p in trainer.task.networks["model"].parameters()} == {"paddle.float32"}
    assert trainer.evaluate(trainer.data.validation())[1]["loss"] == pytest.approx(mixed[trainer.stopping.best_epoch],
                                                                                   rel=0.03)


def test_scaler_state_is_restored(tmp_path):
    trainer, _ = trained(tmp_path / "run", amp={"level": "O1", "dtype": "float16"})
    saved = trainer.precision.state_dict()
    assert saved["model"]["scale"] > 0
    with RunFolder(tmp_path / "run") as run:
        again = tiny_trainer(run, plain_network, device="gpu:0", amp={"level": "O1", "dtype": "float16"})
        again.resume()
    assert again.precision.state_dict() == saved
