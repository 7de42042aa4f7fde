"""Swift-SRGAN, SRGAN and ESRGAN: published sizes, the official outputs, any image size, gradients, export, weights."""

import subprocess
import sys
import textwrap

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec

from assignments.__main__ import main
from data_tools.batches.bicubic import enlarge_bicubic
from data_tools.batches.crops import WholePairs
from data_tools.batches.loader import make_loader
from data_tools.errors import KitError
from data_tools.files.places import PROJECT_ROOT
from data_tools.packed.packed_images import PackedImages
from data_tools.sets.super_resolution import find_set
from paddle_models.fast.fast_layers import accelerate
from paddle_models.networks.esrgan import RRDBNet, doubled, leaky_relu
from paddle_models.networks.parts import count_parameters
from paddle_models.networks.srgan import SRGANDiscriminator, SRResNet
from paddle_models.networks.swift_srgan import SwiftDiscriminator, SwiftGenerator
from paddle_models.tasks.complexity import multiply_adds
from paddle_models.tasks.image_metrics import measure, to_bytes
from paddle_models.weights.convert import convert, load_converted
from paddle_models.weights.files import load_weights, save_weights
from paddle_models.weights.super_resolution_weights import esrgan_name, swift_name
from tests.paddle_models.weights.torch_file import save

ROOT = PROJECT_ROOT
SMALL = {  # tiny networks of each kind
    "swift x2": lambda: SwiftGenerator(2, blocks=1, channels=8),
    "swift x8": lambda: SwiftGenerator(8, blocks=1, channels=8),
    "swift residual": lambda: SwiftGenerator(4, residual=True, blocks=1, channels=8),
    "srgan": lambda: SRResNet(4, blocks=1, channels=8),
    "esrgan": lambda: RRDBNet(blocks=1, channels=8, growth=4),
}


def image(*shape, seed=0):
    return paddle.to_tensor(np.random.default_rng(seed).random(shape, dtype="float32"))


@pytest.mark.parametrize("build, parameters", [  # shared reference, section 1
    (lambda: SwiftGenerator(2), 183_865), (lambda: SwiftGenerator(4), 201_209),
    (lambda: SwiftGenerator(4, residual=True), 201_209), (SwiftDiscriminator, 19_413_279),
    (SRResNet, 1_549_462), (RRDBNet, 16_697_987),
])
def test_sizes_are_the_published_ones(build, parameters):
    assert count_parameters(build()) == parameters


def test_each_scale_takes_another_upsampling_block():
    counts = [count_parameters(SwiftGenerator(scale)) for scale in (2, 4, 8)]
    assert counts[2] - counts[1] == counts[1] - counts[0] == 17_344


@pytest.mark.parametrize("build, statistics", [(lambda: SwiftGenerator(4), 4224), (SwiftDiscriminator, 3712)])
def test_batch_norm_statistics(build, statistics):
    state = build().state_dict()
    assert sum(value.size for name, value in state.items() if name.endswith(("._mean", "._variance"))) == statistics


@pytest.mark.parametrize("build, small, large", [  # G on 24x24 and 480x270
    (lambda: SwiftGenerator(4), 0.1874, 42.18), (lambda: SRResNet(4), 1.2777, 287.48)])
def test_multiply_adds(build, small, large):
    found = multiply_adds(build(), (1, 3, 24, 24))
    assert round(found / 1e9, 4) == small
    assert round(found * (480 * 270) / 24**2 / 1e9, 2) == large  # they grow with the pixels


@pytest.mark.compat
@pytest.mark.parametrize("name", SMALL)
def test_any_size_is_enlarged(name):
    network = SMALL[name]()
    network.eval()
    for height, width in ((12, 17), (9, 5)):
        output = network(image(2, 3, height, width))
        assert output.shape == [2, 3, network.scale * height, network.scale * width]
    if name.startswith("swift x"):
        assert 0 <= float(output.min()) and float(output.max()) <= 1


@pytest.mark.parametrize("name", SMALL)
def test_every_used_parameter_gets_a_gradient(name):
    paddle.seed(0)
    network = SMALL[name]()
    network(image(2, 3, 8, 8)).square().mean().backward()
    silent = {key for key, value in network.named_parameters() if not value.stop_gradient and value.grad is None}
    idle = {"residual.0.block2.act._weight", "convblock.act._weight"} if name.startswith("swift") else set()
    assert silent == idle  # the authors' blocks without an activation own one all the same


@pytest.mark.parametrize("build", [lambda: SwiftDiscriminator((8, 8, 16), 12),
                                   lambda: SRGANDiscriminator((8, 8, 16), 12)])
def test_discriminators_give_one_logit_for_any_size(build):
    paddle.seed(0)
    network = build()
    for side in (16, 24):
        logits = network(image(3, 3, side, side + 8))
        assert logits.shape == [3, 1]
    logits.sum().backward()
    assert all(value.grad is not None for value in network.parameters() if not value.stop_gradient)


def test_the_residual_network_begins_at_the_bicubic_enlargement():
    network = SwiftGenerator(4, residual=True, blocks=1, channels=8)
    network.eval()
    x = np.cumsum(np.random.default_rng(0).integers(-9, 10, (20, 24, 3)), axis=1).clip(-100, 100).astype(np.uint8) + 100
    output = network(paddle.to_tensor(x.transpose(2, 0, 1)[None].astype("float32") / 255)).numpy()[0].transpose(1, 2, 0)
    enlarged = enlarge_bicubic(x, 4)
    assert measure(to_bytes(output), enlarged, 4)["psnr_rgb"] > 35  # the kernels' parameters differ, -0.75 and -0.5


@pytest.mark.parametrize("name", ["swift x2", "swift residual", "srgan", "esrgan"])
def test_the_traced_network_is_the_same_at_other_sizes(name, tmp_path):
    paddle.seed(0)
    network = SMALL[name]()
    network.eval()
    inputs = [image(1, 3, 8, 10), image(2, 3, 11, 6)]
    eager = [network(x).numpy() for x in inputs]
    traced = paddle.jit.to_static(network, input_spec=[InputSpec([None, 3, None, None], "float32")], full_graph=True)
    paddle.jit.save(traced, str(tmp_path / "model"))
    loaded = paddle.jit.load(str(tmp_path / "model"))
    loaded.eval()
    for x, expected in zip(inputs, eager):
        np.testing.assert_allclose(loaded(x).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_the_doubling_of_esrgan_is_nearest_neighbours():
    x = image(2, 3, 4, 5)
    assert np.array_equal(doubled(x).numpy(), x.numpy().repeat(2, axis=2).repeat(2, axis=3))
    assert leaky_relu(paddle.to_tensor([-2.0, 0.0, 3.0])).numpy().tolist() == pytest.approx([-0.4, 0, 3])


@pytest.mark.parametrize("name", ["swift residual", "srgan", "esrgan"])
def test_paddle_inference_with_onednn_gives_the_same(name, tmp_path):
    """In a process of its own: where Paddle's passes do not know an operation, some of them end it."""
    code = textwrap.dedent("""
        import sys
        import paddle_models
        import numpy as np
        import paddle
        from paddle import inference
        from paddle.static import InputSpec
        from tests.paddle_models.networks.test_super_resolution_networks import SMALL
        paddle.seed(0)
        network = SMALL[sys.argv[1]]()
        network.eval()
        for parameter in network.parameters():
            if not float(parameter.abs().max()):
                parameter.set_value(paddle.rand(parameter.shape) * 0.1)
        inputs = [paddle.rand([1, 3, 12, 9]), paddle.rand([2, 3, 7, 15])]
        eager = [network(x).numpy() for x in inputs]
        specification = [InputSpec([None, 3, None, None], "float32")]
        traced = paddle.jit.to_static(network, input_spec=specification, full_graph=True)
        paddle.jit.save(traced, sys.argv[2])
        program = sys.argv[2] + (".json" if int(paddle.__version__.split(".")[0]) >= 3 else ".pdmodel")
        config = inference.Config(program, sys.argv[2] + ".pdiparams")
        config.disable_gpu()
        config.disable_glog_info()
        config.enable_mkldnn()
        predictor = inference.create_predictor(config)
        for x, expected in zip(inputs, eager):
            predictor.get_input_handle(predictor.get_input_names()[0]).copy_from_cpu(x.numpy())
            predictor.run()
            found = predictor.get_output_handle(predictor.get_output_names()[0]).copy_to_cpu()
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
        """)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, name, str(tmp_path / "model")], cwd=ROOT,
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("build", [lambda: SwiftGenerator(3), lambda: SRResNet(16)])
def test_a_scale_that_does_not_exist_is_named(build):
    with pytest.raises(KitError, match=r"of scale (3|16) is not built here; take one of \(2, 4, 8\)"):
        build()


# ---- weights from PyTorch


@pytest.mark.parametrize("rename, theirs, ours", [
    (swift_name, "residual.15.block1.bn.running_var", "residual.15.block1.bn._variance"),
    (swift_name, "upsampler.1.act.weight", "upsampler.1.act._weight"),
    (swift_name, "convblock.bn.num_batches_tracked", None),
    (swift_name, "classifier.2.weight", "classifier.2.weight"),
    (esrgan_name, "RRDB_trunk.22.RDB3.conv5.bias", "body.22.rdb3.conv5.bias"),
    (esrgan_name, "HRconv.weight", "conv_hr.weight"),
    (esrgan_name, "body.3.rdb1.conv1.weight", "body.3.rdb1.conv1.weight"),
])
def test_names(rename, theirs, ours):
    assert rename(theirs) == ours


def test_the_command_converts_a_generator_and_tells_its_scale(tmp_path, capsys):
    paddle.seed(1)
    original = SwiftGenerator(2, blocks=2)
    state = {name.replace("._mean", ".running_mean").replace("._variance", ".running_var").replace("._weight",
                                                                                                   ".weight"):
             value.numpy() for name, value in original.state_dict().items()}
    source = save(tmp_path / "swift.pth.tar", state | {"convblock.bn.num_batches_tracked": np.array(3, "int64")})
    out = tmp_path / "swift.safetensors"
    assert main(["weights", str(source), "--model", "swift_srgan", "-o", str(out)]) == 0
    assert capsys.readouterr() == (f"written to {out} (model swift_srgan, scale 2)\n", "")
    network = SwiftGenerator(2, blocks=2)
    load_converted(network, out)
    assert all(np.array_equal(value.numpy(), network.state_dict()[name].numpy())
               for name, value in original.state_dict().items())
    save_weights(tmp_path / "odd.safetensors", {"residual.9999.block1.bn.weight": np.ones(64, "float32")})
    with pytest.raises(KitError, match="residual.9999, and no network here has more than 64"):
        convert(tmp_path / "odd.safetensors", "swift_srgan", out)


def test_the_discriminator_converts_with_its_linear_layers_turned(tmp_path):
    paddle.seed(1)
    original = SwiftDiscriminator()
    state = {name.replace("._mean", ".running_mean").replace("._variance", ".running_var"):
             value.numpy().T if name in ("classifier.2.weight", "classifier.4.weight") else value.numpy()
             for name, value in original.state_dict().items()}
    save_weights(tmp_path / "d.safetensors", state)
    convert(tmp_path / "d.safetensors", "swift_srgan_discriminator", tmp_path / "ours.safetensors")
    arrays = load_weights(tmp_path / "ours.safetensors")[0]
    assert np.array_equal(arrays["classifier.2.weight"], original.classifier[2].weight.numpy())


@pytest.mark.realdata
@pytest.mark.parametrize("file, model, build", [
    ("swift_srgan_generator_x2", "swift_srgan", lambda: SwiftGenerator(2)),
    ("swift_srgan_generator_x4", "swift_srgan", lambda: SwiftGenerator(4)),
    ("esrgan_rrdbnet_nb1_x4", "esrgan", lambda: RRDBNet(1)),
])
def test_golden_files(realdata, tmp_path, file, model, build):
    golden = load_weights(realdata / "golden" / f"{file}.safetensors")[0]
    save_weights(tmp_path / "w.safetensors", {name[len("weights/"):]: array for name, array in golden.items()
                                              if name.startswith("weights/")})
    convert(tmp_path / "w.safetensors", model, tmp_path / "ours.safetensors")
    network = build()
    load_converted(network, tmp_path / "ours.safetensors")
    network.eval()
    output = network(paddle.to_tensor(golden["input"])).numpy()
    assert np.linalg.norm(output - golden["output"]) / np.linalg.norm(golden["output"]) < 1e-4


@pytest.mark.realdata
def test_the_authors_weights_and_bicubic_on_set5(realdata, tmp_path):
    convert(realdata / "weights" / "swift_srgan_4x.pth.tar", "swift_srgan", tmp_path / "w.safetensors")
    network = SwiftGenerator(4)
    load_converted(network, tmp_path / "w.safetensors")
    network.eval()
    accelerate(network)
    store = PackedImages.open(find_set("Set5", realdata / "super-resolution"), progress=False)
    ours, bicubic = [], []
    for batch in make_loader(store, 1, shuffle=False, seed=0, epoch=0, assemble=WholePairs(4)):
        hr, lr = (to_bytes(batch[key][0].transpose(1, 2, 0)) for key in ("hr", "lr"))
        with paddle.no_grad():
            enlarged = network(paddle.to_tensor(batch["lr"])).numpy()[0].transpose(1, 2, 0)
        ours.append(measure(to_bytes(enlarged), hr, 4))
        bicubic.append(measure(enlarge_bicubic(lr, 4), hr, 4))
    mean = {name: np.mean([row[name] for row in ours]) for name in ours[0]}
    assert abs(mean["psnr_y"] - 30.01) < 0.01 and abs(mean["ssim_y"] - 0.8495) < 0.001
    assert abs(mean["psnr_rgb"] - 27.94) < 0.01
    mean = {name: np.mean([row[name] for row in bicubic]) for name in bicubic[0]}
    assert abs(mean["psnr_y"] - 28.43) < 0.01 and abs(mean["ssim_y"] - 0.8111) < 0.001
    assert abs(mean["psnr_rgb"] - 26.69) < 0.01
