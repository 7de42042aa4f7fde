"""Networks by name, weights into them, frozen backbones, PaddleClas behind its one module."""

import sys

import numpy as np
import paddle
import pytest
from paddle import nn

from data_tools.errors import KitError
from paddle_models.fast.fast_layers import accelerate
from paddle_models.networks.parts import freeze_backbone, head, head_parameters
from paddle_models.weights.files import save_weights
from paddle_models.weights.zoo import build_model, load_pretrained, rebuild_model
from tests.paddle_models.weights.imagenet_file import logits, publish, signed_images, trained


def arrays_of(model):
    return {name: value.numpy() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def thousand(tmp_path_factory):
    """A file of mobilenet_v2 weights with another number of classes."""
    paddle.seed(5)
    path = tmp_path_factory.mktemp("weights") / "mobilenet.safetensors"
    save_weights(path, arrays_of(build_model("mobilenet_v2", 20)))
    return path


@pytest.mark.parametrize("name, near", [("resnet51", "resnet50"), ("mobilenetv2", "mobilenet_v2")])
def test_unknown_name_gives_the_nearest(name, near):
    with pytest.raises(KitError, match=f"{name}.*did you mean {near}"):
        build_model(name, 10)


def test_depth_is_obeyed():
    assert len(build_model("resnet101", 10).layer3) == 23


def test_head_of_another_width_is_left_and_said(thousand, capsys):
    model = build_model("mobilenet_v2", 10, str(thousand))
    assert "classifier.1.bias, classifier.1.weight" in capsys.readouterr().out
    same = build_model("mobilenet_v2", 20, str(thousand))
    assert capsys.readouterr().out == ""
    x = paddle.randn([1, 3, 64, 64])
    model.eval(), same.eval()
    np.testing.assert_array_equal(model.features(x).numpy(), same.features(x).numpy())
    assert model(x).shape == [1, 10] and same(x).shape == [1, 20]


def test_weights_of_another_network_are_refused_by_name(thousand):
    with pytest.raises(KitError, match="mobilenet.safetensors does not fit ResNet: conv1.weight is missing"):
        build_model("resnet50", 10, str(thousand))


def test_wrong_shape_leaves_the_model_untouched():
    model = build_model("mobilenet_v2", 10)
    before = arrays_of(model)
    arrays = {name: value + 1 for name, value in before.items()}
    arrays["features.0.0.weight"] = np.zeros((32, 3, 5, 5), "float32")
    with pytest.raises(KitError, match=r"features.0.0.weight has shape \(32, 3, 5, 5\) instead of \(32, 3"):
        load_pretrained(model, arrays, "file")
    for name, value in arrays_of(model).items():
        np.testing.assert_array_equal(value, before[name])


def test_files_of_other_kinds_are_refused(tmp_path):
    with pytest.raises(KitError,
                       match=r"weights.h5.*\.safetensors and .*python -m assignments weights .*weights.h5 --model"):
        build_model("mobilenet_v2", 10, str(tmp_path / "weights.h5"))


@pytest.mark.compat
def test_imagenet_weights_get_the_inputs_they_were_trained_on(tmp_path, monkeypatch, capsys):
    plain = trained(5)
    file = publish(plain, tmp_path, monkeypatch)
    images, normalised = signed_images()
    expected, unlike = logits(plain, normalised), logits(plain, images)
    assert np.abs(expected - unlike).max() > 0.1 * np.abs(expected).max()
    model = build_model("mobilenet_v2", 5, "imagenet")
    assert "ImageNet weights of mobilenet_v2: https://localhost" in capsys.readouterr().out
    assert arrays_of(model).keys() == arrays_of(plain).keys()
    freeze_backbone(model)
    model.train()
    for layer in model.sublayers():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    # in training, the backbone frozen
    np.testing.assert_allclose(logits(model, images), expected, rtol=1e-5, atol=1e-5)
    accelerate(model)
    model.eval()
    np.testing.assert_allclose(logits(model, images), expected, rtol=1e-3, atol=1e-3)
    for given in (build_model("mobilenet_v2", 5, file), rebuild_model("mobilenet_v2", 5, file, arrays_of(plain))):
        given.set_state_dict(plain.state_dict())
        given.eval()
        np.testing.assert_array_equal(logits(given, images), unlike)  # a file's network takes them as they are


def test_a_network_is_built_again_without_its_file():
    names = arrays_of(build_model("mobilenet_v2", 5))
    assert rebuild_model("mobilenet_v2", 5, "", names)._forward_pre_hooks == {}
    assert len(rebuild_model("mobilenet_v2", 5, "imagenet", names)._forward_pre_hooks) == 1
    for weights in ("", "imagenet"):
        folded = rebuild_model("mobilenet_v2", 5, weights, ["classifier.1.weight"])
        assert not folded._forward_pre_hooks and not any(isinstance(layer, nn.BatchNorm2D)
                                                         for layer in folded.sublayers())


def test_weights_that_were_trained_on_signed_inputs_are_left_alone():
    pytest.importorskip("paddleclas")
    hooks = {name: len(rebuild_model(f"paddleclas:{name}", 5, "imagenet", [])._forward_pre_hooks)
             for name in ("PPLCNet_x0_25", "ViT_small_patch16_224")}
    assert hooks == {"PPLCNet_x0_25": 1, "ViT_small_patch16_224": 0}


def test_a_failed_download_says_where_to_put_the_file(tmp_path, monkeypatch):
    file = publish(build_model("mobilenet_v2", 5), tmp_path, monkeypatch)
    open(file, "ab").write(b"damaged")
    with pytest.raises(KitError, match=f"published.pdparams could not be fetched.*put it here as {file}"):
        build_model("mobilenet_v2", 5, "imagenet")


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v2_folded", "resnet50"])
def test_frozen_backbone_stays_as_it_is_in_training(name):
    paddle.seed(0)
    model = build_model(name, 4)
    freeze_backbone(model)
    before = arrays_of(model)
    model.train()
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    logits = model(paddle.randn([4, 3, 64, 64]))
    nn.functional.cross_entropy(logits, paddle.to_tensor([0, 1, 2, 3])).backward()
    optimizer.step()
    changed = {n for n, value in arrays_of(model).items() if not np.array_equal(value, before[n])}
    owner = "fc" if name == "resnet50" else "classifier.1"
    assert changed == {f"{owner}.weight", f"{owner}.bias"}
    assert [list(p.shape) for p in head_parameters(model)] == [list(head(model).weight.shape), [4]]


def test_paddleclas_is_imported_only_when_asked_for():
    if "paddleclas" not in sys.modules:
        build_model("mobilenet_v2", 10)
        assert "paddleclas" not in sys.modules
    import paddle_models.networks.paddleclas_zoo as module

    assert not hasattr(module, "paddleclas")


def test_paddleclas_backbone_trains_a_step():
    pytest.importorskip("paddleclas")
    from paddle_models.networks.paddleclas_zoo import paddleclas_names, paddleclas_url

    assert "PPLCNet_x1_0" in paddleclas_names()
    assert paddleclas_url("PPLCNet_x1_0").endswith("PPLCNet_x1_0_pretrained.pdparams")
    paddle.seed(0)
    model = build_model("paddleclas:PPLCNet_x1_0", 10)
    before = arrays_of(model)
    optimizer = paddle.optimizer.SGD(0.1, parameters=model.parameters())
    logits = model(paddle.randn([4, 3, 64, 64]))
    assert logits.shape == [4, 10]
    nn.functional.cross_entropy(logits, paddle.to_tensor([0, 1, 2, 3])).backward()
    optimizer.step()
    after = arrays_of(model)
    assert not np.array_equal(after["conv1.conv.weight"], before["conv1.conv.weight"])
    freeze_backbone(model)
    assert sum(not p.stop_gradient for p in model.parameters()) == 2


def test_unknown_paddleclas_backbone_gives_the_nearest():
    pytest.importorskip("paddleclas")
    with pytest.raises(KitError, match="did you mean PPLCNet_x1_0"):
        build_model("paddleclas:PPLCNetx1_0", 10)


def test_absent_paddleclas_is_named_with_its_command(monkeypatch):
    for name in [n for n in sys.modules if n.startswith("paddleclas.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "paddleclas", None)  # Python then finds no such package
    with pytest.raises(KitError, match="pip install paddleclas"):
        build_model("paddleclas:PPLCNet_x1_0", 10)
