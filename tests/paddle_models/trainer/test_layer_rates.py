"""Layer-wise decay of the learning rate: which block a weight is of, exact steps, a resumed run."""

import numpy as np
import paddle
import pytest

from data_tools.errors import KitError
from paddle_models.networks.catalogue import networks
from paddle_models.networks.parts import depths, head_name
from paddle_models.trainer.checkpoint import network_arrays
from paddle_models.trainer.optimizers import NAMES
from paddle_models.trainer.run_folder import RunFolder
from tests.paddle_models.trainer.tiny import tiny_network, tiny_trainer

pytestmark = pytest.mark.compat
BLOCKS = {"resnet18": 9, "mobilenet_v2": 19, "mobilenet_v2_folded": 19, "efficientnet_lite0": 18,
          "face_attributes_regions": 19, "face_attributes_single": 19, "glasses_cnn": 4}


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_go_from_the_stem_to_the_head_in_the_order_of_the_weights(name):
    network = networks()[name]()
    depth = depths(network)
    head = [number for weight, number in depth.items() if weight.startswith(head_name(network) + ".")]
    assert list(depth) == [weight for weight, _ in network.named_parameters()]
    assert set(head) == {BLOCKS[name]} and len(head) == list(depth.values()).count(BLOCKS[name])
    numbers = list(depth.values())
    assert numbers == sorted(numbers) and set(numbers) == set(range(BLOCKS[name] + 1))


def test_weights_of_a_block_stand_together():
    depth = depths(networks()["resnet18"]())
    for block, number in (("conv1", 0), ("bn1", 0), ("layer1.0", 1), ("layer2.0", 3), ("layer4.1", 8), ("fc", 9)):
        assert {found for weight, found in depth.items() if weight.startswith(block + ".")} == {number}


def test_layers_without_weights_are_no_blocks():
    nn = paddle.nn
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.ReLU(), nn.BatchNorm1D(3), nn.Dropout(), nn.Linear(3, 2))
    numbers = {name.partition(".")[0]: number for name, number in depths(network).items()}
    assert numbers == {"1": 0, "3": 0, "5": 1}
    assert set(depths(nn.Sequential(nn.Flatten(), nn.Linear(4, 2))).values()) == {0}


@pytest.mark.parametrize("name", NAMES)
def test_a_step_is_one_with_the_rate_of_its_block(tmp_path, name):
    """The tiny network has two blocks: with a factor of a half, the first steps as an optimizer of half the rate."""
    def stepped(rate, decay):
        settings = {"name": name, "lr": rate, "weight_decay": 0.01, "layer_decay": decay}
        trainer = tiny_trainer(RunFolder(tmp_path / "none", writer=False), optimizer=settings)
        network = trainer.task.networks["model"]
        for number, batch in zip(range(3), trainer.data.training(0, 0)):
            trainer.position.step = number
            network.train()
            trainer.step(batch, rate)
            for parameter, value in zip(network.parameters(), start) if number < 2 else ():
                parameter.set_value(value)  # each step from the same weights, so that gradients are the same
        return network_arrays(network)

    paddle.seed(0)
    start = [value.numpy() for value in tiny_network().parameters()]
    decayed, whole, half = stepped(0.25, 0.5), stepped(0.25, 1.0), stepped(0.125, 1.0)
    trained = [key for key in decayed if not key.endswith(("_mean", "_variance"))]
    assert [key.split(".")[0] for key in trained] == ["0", "0", "1", "1", "6", "6"]
    for key in trained:
        expected = whole if key.startswith("6.") else half
        np.testing.assert_array_equal(decayed[key], expected[key], err_msg=key)
        assert not np.array_equal(whole[key], half[key])


def test_a_resumed_run_ends_in_the_same_weights(tmp_path, capsys):
    def run(folder, steps, resume=False):
        with RunFolder(tmp_path / folder) as place:
            trainer = tiny_trainer(place, max_steps=steps, optimizer={"name": "adamw", "lr": 0.01, "layer_decay": 0.6})
            if resume:
                trainer.resume()
            trainer.fit()
            return network_arrays(trainer.task.networks["model"])

    whole = run("whole", 10)
    run("parts", 5)
    parts = run("parts", 10, resume=True)
    assert all(np.array_equal(whole[key], parts[key]) for key in whole)
    assert "times 0.6 for each block before it, times 0.6 in the first of 1 blocks" in capsys.readouterr().out


def test_one_rate_leaves_the_weights_own_factors_and_a_generator_is_refused(tmp_path):
    def own():
        network = tiny_network()
        network[0].weight.optimize_attr["learning_rate"] = 0.25
        return network

    trainer = tiny_trainer(RunFolder(tmp_path / "none", writer=False), own)
    assert trainer.task.networks["model"][0].weight.optimize_attr["learning_rate"] == 0.25
    with pytest.raises(KitError, match="optimizer.layer_decay: SwiftGenerator has no linear layer.*classifiers"):
        tiny_trainer(RunFolder(tmp_path / "none", writer=False), networks()["swift_srgan_x2"],
                     optimizer={"layer_decay": 0.5})
    with pytest.raises(KitError, match="layer_decay: 0"):
        tiny_trainer(RunFolder(tmp_path / "none", writer=False), optimizer={"layer_decay": 0.0})
