"""Every figure of the monkey report, redrawn from a run folder; nothing is trained and no picture is drawn by hand.

python assignments/monkey_species/figures.py [--run DIR] [--out DIR] [--lang en|zh] [--only 2.9 confusion]
"""

import sys
import textwrap

import numpy as np

from data_tools.errors import KitError
from paddle_models.tasks.metrics import confusion_matrix, wilson_interval
from reports.figures import diagrams, plots, style
from reports.figures.diagrams import Arrow, Box
from reports.figures.figure_script import Entry, FigureScript
from reports.figures.shared_figures import five_optimizers
from reports.figures.style import Labels
from reports.run_reader import Run

CHINESE_NAMES = {  # as in the document
    "mantled_howler": "鬃毛吼猴", "patas_monkey": "赤猴", "bald_uakari": "白秃猴", "japanese_macaque": "日本猕猴",
    "pygmy_marmoset": "倭狨", "white_headed_capuchin": "巴拿马白面卷尾猴", "silvery_marmoset": "银色的狨猴",
    "common_squirrel_monkey": "松鼠猴", "black_headed_night_monkey": "黑头夜猴", "nilgiri_langur": "印度乌叶猴"}
DISPLAY = {"resnet50": "ResNet-50", "resnet101": "ResNet-101", "resnet152": "ResNet-152", "mobilenet_v2": "MobileNetV2",
           "adam": "Adam", "adamw": "AdamW", "adamp": "AdamP", "sgd": "SGD", "momentum": "Momentum",
           "adagrad": "AdaGrad", "rmsprop": "RMSProp"}
CHANNELS = (64, 64, 256)  # the three convolutions of ResNet-50's first bottleneck


def figure_2_1(figure, run: Run, t: Labels) -> None:
    """One image per species with its common and Chinese name."""
    images = run.artifact("species_images", (10, None, None, 3), "u")
    names = zip(_names(run, t), _names(run, t, chinese=True))
    titles = [t.both(textwrap.fill(english, 17), chinese, "\n") for english, chinese in names]
    plots.image_grid(figure, images, titles, columns=5)


def figure_2_2(figure, run: Run, t: Labels) -> None:
    """Images per species in both splits (the document shows training)."""
    counts = {t("training", "训练集"): run.artifact("label_counts_training", (10,), "iu"),
              t("validation", "验证集"): run.artifact("label_counts_validation", (10,), "iu")}
    plots.bars(figure.subplots(), _names(run, t, t.chinese), counts, t("images", "图像数"))


def figure_2_3(figure, run: Run, t: Labels) -> None:
    """Width and height of every training image."""
    _sizes(figure, run, t, "sizes_training")


def figure_2_4(figure, run: Run, t: Labels) -> None:
    """Width and height of every validation image, on the axes of 2.3."""
    _sizes(figure, run, t, "sizes_validation")


def _sizes(figure, run: Run, t: Labels, name: str) -> None:
    both = {key: run.artifact(key, (None, 2), "iu") for key in ("sizes_training", "sizes_validation")}
    widths, heights = both[name].T
    limit = 1.05 * max(1000, *(int(values.max()) for values in both.values()))
    below = _percent(np.mean((widths < 1000) & (heights < 1000)))
    within = _percent(np.mean(np.maximum(widths, heights) <= 2 * np.minimum(widths, heights)))
    axes = figure.subplots()
    plots.sizes(axes, widths, heights, limit, t("width, pixels", "宽（像素）"), t("height, pixels", "高（像素）"), 1000,
                t("1000 x 1000", "1000×1000"))
    axes.text(1.05, 0.8, t(f"{len(widths)} images\n{below} below 1000 x 1000\n{within} within 2:1",
                           f"{len(widths)} 张图像\n{below} 小于 1000×1000\n{within} 长宽比不超过 2:1"),
              transform=axes.transAxes, va="top", linespacing=1.6)


def figure_2_5(figure, run: Run, t: Labels) -> None:
    """Training and testing module of section 2.2, with the settings of this run."""
    side = t.plain(run.setting("image_size", 224), 5)
    network, optimizer = (t.plain(DISPLAY.get(str(name), name), 16)
                          for name in (run.setting("model", "resnet50"), run.setting("optimizer.name", "adam")))
    resize, scale = t(f"Resize\n{side} x {side}", f"缩放\n{side}×{side}"), t("Scale to\n[-1, 1]", "归一化到\n[-1, 1]")
    boxes = {
        "training": Box(t("Training\nimages", "训练集\n图像"), 0, 0, "data"), "resize": Box(resize, 0, 1),
        "augment": Box(t("Random aug-\nmentation", "随机\n数据增强"), 0, 2), "scale": Box(scale, 0, 3),
        "network": Box(network, 0, 4, "network"),
        "loss": Box(t("Cross-entropy\nloss", "交叉熵\n损失"), 0, 5, "result"),
        "validation": Box(t("Held-out\nimages", "留出的\n训练图像") if _held_out(run) else t("Validation\nimages", "验证集\n图像"),
                          1, 0, "data"),
        "resize 2": Box(resize, 1, 1),
        "scale 2": Box(scale, 1, 3),
        "network 2": Box(t(f"{network}\n(evaluating)", f"{network}\n（评估）"), 1, 4, "network"),
        "accuracy": Box(t("Held-out\naccuracy", "留出图\n准确率") if _held_out(run) else
                        t("Validation\naccuracy", "验证集\n准确率"), 1, 5, "result"),
        "test": Box(t("200 random\nimages", "随机抽取的\n200 张图像"), 2, 0, "data"), "resize 3": Box(resize, 2, 1),
        "scale 3": Box(scale, 2, 3),
        "best": Box(t(f"{network}\n(best weights)", f"{network}\n（最优权重）"), 2, 4, "network"),
        "test accuracy": Box(t("Test\naccuracy", "测试\n准确率"), 2, 5, "result")}
    rows = (("training", "resize", "augment", "scale", "network", "loss"),
            ("validation", "resize 2", "scale 2", "network 2", "accuracy"),
            ("test", "resize 3", "scale 3", "best", "test accuracy"))
    arrows = [Arrow(start, end) for row in rows for start, end in zip(row, row[1:])]
    arrows += [Arrow("loss", "network", t(f"{optimizer} step", f"{optimizer} 更新"), "over"),
               Arrow("network", "network 2", t("after every epoch", "每轮结束")),
               Arrow("accuracy", "best", t("keep the best", "保存最优"), "z")]
    panels = ((t("Training module", "训练模块"), rows[0] + rows[1]), (t("Testing module", "测试模块"), rows[2]))
    diagrams.diagram(figure.subplots(), boxes, arrows, panels, head=0.36)


def figure_2_6(figure, run: Run, t: Labels) -> None:
    """ResNet-50's bottleneck: identity shortcut, and the 1x1 convolution where the shape changes."""
    first, second, third = CHANNELS
    boxes, arrows = {}, []
    for number, (x, shortcut) in enumerate(((0, t("identity\nx", "恒等映射\nx")),
                                            (2, t(f"1x1 conv, {third}\nBatchNorm", f"1×1 卷积, {third}\nBatchNorm")))):
        kernels = (f"1x1 conv, {first}\nBatchNorm, ReLU", f"3x3 conv, {second}\nBatchNorm, ReLU",
                   f"1x1 conv, {third}\nBatchNorm")
        kernels = [t(text, text.replace("x1 conv", "×1 卷积").replace("x3 conv", "×3 卷积")) for text in kernels]
        names = [f"{part} {number}" for part in ("in", "a", "b", "c", "sum", "relu")]
        texts = [t("input x", "输入 x"), *kernels, "+", "ReLU"]
        kinds = ("data", "network", "network", "network", "sum", "step")
        boxes.update({name: Box(text, row, x, kind) for row, (name, text, kind) in enumerate(zip(names, texts, kinds))})
        boxes[f"short {number}"] = Box(shortcut, 2, x + 1, "network" if number else "text")
        labels = ("", "", "", "F(x)", "H(x) = F(x) + x" if number == 0 else "H(x) = F(x) + Wx")
        arrows += [Arrow(start, end, label) for start, end, label in zip(names, names[1:], labels)]
        arrows += [Arrow(names[0], f"short {number}", route="-|"), Arrow(f"short {number}", names[4], route="|-")]
    axes = figure.subplots()
    diagrams.diagram(axes, boxes, arrows, head=0.28)
    for x, text in ((0.02, t("(a) same shape", "(a) 形状一致")), (0.52, t("(b) the shape changes", "(b) 形状改变"))):
        axes.text(x, 0.99, text, transform=axes.transAxes, va="top", fontweight="bold")


def figure_2_7(figure, run: Run, t: Labels) -> None:
    """Five optimizers trained on Iris: loss and accuracy, mean and spread over seeds."""
    five_optimizers(figure, run, t, t("accuracy", "准确率"))


def figure_2_8(figure, run: Run, t: Labels) -> None:
    """Four images and seven random augmentations of each."""
    originals = run.artifact("augmented_originals", (4, None, None, 3), "u")
    examples = run.artifact("augmented_examples", (4, 7, None, None, 3), "u")
    images = [image for original, row in zip(originals, examples) for image in (original, *row)]
    titles = [t("original", "原图"), t("augmented", "增强后"), *[""] * 30]
    plots.image_grid(figure, images, titles, columns=8, size=7)


def table_2_1(figure, run: Run, t: Labels) -> None:
    """The augmentations and whether training uses them, read from the pipeline's own table."""
    from data_tools.batches.augment import AUGMENTATION_TABLE

    rows = [(t.both(english, chinese), t("✓ yes", "✓ 是") if used else t("✗ no", "✗ 否"), classes)
            for english, chinese, used, classes in AUGMENTATION_TABLE]
    header = (t("Operation", "图像增强操作"), t("In training", "训练时使用"), t("imgaug classes", "imgaug 类"))
    plots.table(figure.subplots(), header, rows)


def figure_2_9(figure, run: Run, t: Labels) -> None:
    """Training loss and accuracy over optimizer steps."""
    left, right = figure.subplots(1, 2)
    key = next((key for row in run.metrics for key in row if key.startswith("loss/")), "loss/model")
    x, y = run.series("step", "step", key)
    if len(x):
        plots.faint_curve(left, x, y, t("logged steps", "单步"))
    plots.curves(left, [(t("mean of the epoch", "每轮平均"), *run.series("epoch", "step", "train/loss"))],
                 t("step", "步数"), t("training loss", "训练损失"))
    left.set_ylim(bottom=0)
    left.legend()
    plots.curves(right, [("", *run.series("epoch", "step", "train/accuracy"))], t("step", "步数"),
                 t("training accuracy", "训练集准确率"))
    plots.percent(right.yaxis)


def figure_2_10(figure, run: Run, t: Labels) -> None:
    """Loss and accuracy on the images that choose the epoch, the best one marked."""
    left, right = figure.subplots(1, 2)
    loss, accuracy = t("validation loss", "验证损失"), t("validation accuracy", "验证集准确率")
    if _held_out(run):
        loss = t("loss, held-out training images", "留出训练图的损失")
        accuracy = t("accuracy, held-out training images", "留出训练图的准确率")
    for axes, key, label in ((left, "val/loss", loss), (right, "val/accuracy", accuracy)):
        epochs, values = run.series("epoch", "epoch", key)
        plots.curves(axes, [("", epochs + 1, values)], t("epoch", "轮次"), label, first_style=1)
        plots.whole_numbers(axes.xaxis)
    plots.percent(right.yaxis)
    if len(values) and not np.isnan(values).all():
        best = int(np.nanargmax(values))
        share, epoch = _percent(values[best]), int(epochs[best]) + 1
        plots.mark_point(right, epoch, values[best], t(f"best: {share}, epoch {epoch}", f"最高 {share}，第 {epoch} 轮"))


def figure_3_1(figure, run: Run, t: Labels) -> None:
    """16 random predictions: true and predicted species, right or wrong."""
    labels, probabilities = _predictions(run)
    images = run.artifact("prediction_images", (16, None, None, 3), "u")
    index = _index(run, "prediction_index", 16, len(labels))
    predicted, names = probabilities.argmax(axis=1), _names(run, t, t.chinese)
    right = predicted[index] == labels[index]
    true = t("true: ", "真实：")
    titles = [f"{_sign(ok)} {names[predicted[i]]}\n{true}{names[labels[i]]}" for i, ok in zip(index, right)]
    grid = plots.image_grid(figure, images, titles, columns=4, frames=right, size=6.5)
    for axes, i in zip(grid, index):
        plots.badge(axes, _percent(probabilities[i].max(), 0))


def confusion(figure, run: Run, t: Labels) -> None:
    """Which species are taken for which."""
    names = _names(run, t, t.chinese)
    plots.confusion_matrix(figure.subplots(), _counts(run), names, t("predicted", "预测"), t("true", "真实"))


def precision_recall(figure, run: Run, t: Labels) -> None:
    """Precision and recall per species with 95 % Wilson intervals."""
    counts = _counts(run)
    right = np.diag(counts)
    predicted, true = counts.sum(axis=0), counts.sum(axis=1)
    groups = {t("precision", "精确率"): _shares(right, predicted), t("recall", "召回率"): _shares(right, true)}
    names = [f"{name} ({n})" for name, n in zip(_names(run, t, t.chinese), true)]
    axes = figure.subplots()
    plots.intervals(axes, names, groups, t("95 % interval; (n) = validation images", "95 % 区间；括号内为验证图数"))
    axes.set_xlim(-0.02, 1.02)
    plots.percent(axes.xaxis)


def grad_cam(figure, run: Run, t: Labels) -> None:
    """Where the network looked: eight images above their Grad-CAM maps for the predicted class."""
    labels, probabilities = _predictions(run)
    images = run.artifact("gradcam_images", (8, None, None, 3), "u")
    maps = run.artifact("gradcam_maps", (8, None, None), "f")
    names, predicted = _names(run, t, t.chinese), probabilities.argmax(axis=1)
    axes = figure.subplots(4, 4)
    for number, i in enumerate(_index(run, "gradcam_index", 8, len(labels))):
        row, column = 2 * (number // 4), number % 4
        title = f"{_sign(predicted[i] == labels[i])} {names[predicted[i]]}"
        plots.show_image(axes[row, column], images[number], title, size=7)
        plots.heat_overlay(axes[row + 1, column], images[number], maps[number])


def learning_rate(figure, run: Run, t: Labels) -> None:
    """Learning rate over steps beside the document's fixed 0.001."""
    x, y = run.series("step", "step", "lr")
    if not len(x):
        x, y = run.series("epoch", "step", "lr")
    axes = figure.subplots()
    plots.curves(axes, [(t("this run", "本次训练"), x, y)], t("step", "步数"), t("learning rate", "学习率"))
    document = t("document: fixed 0.001", "文档：固定 0.001")
    axes.axhline(0.001, color=style.GREY, linewidth=1, linestyle="--", label=document)
    axes.set_ylim(0, 1.1 * max(0.001, *y[np.isfinite(y)]))
    axes.legend()


FIGURES = [
    Entry("2.1", figure_2_1, 3.1, "Figure 2.1  One image of each species", "图 2.1  各种类猴子示例"),
    Entry("2.2", figure_2_2, 3.6, "Figure 2.2  Images per species", "图 2.2  标签数量分布",
          "The document shows the training set; validation is added.", "文档只给出训练集，此处加上验证集。"),
    Entry("2.3", figure_2_3, 3.6, "Figure 2.3  Image sizes, training set", "图 2.3  训练集图像尺寸分布"),
    Entry("2.4", figure_2_4, 3.6, "Figure 2.4  Image sizes, validation set", "图 2.4  验证集图像尺寸分布"),
    Entry("2.5", figure_2_5, 3.1, "Figure 2.5  Architecture", "图 2.5  技术架构", shows_data=False),
    Entry("2.6", figure_2_6, 4.0, "Figure 2.6  Residual block (ResNet-50)", "图 2.6  残差块（ResNet-50）",
          "The document's text calls this figure 2.5, its caption says 2.6.", "文档正文称之为图 2.5，图题为 2.6。",
          shows_data=False),
    Entry("2.7", figure_2_7, 2.6, "Figure 2.7  Five optimizers on Iris", "图 2.7  五种优化器在鸢尾花数据集上的比较",
          "Mean over seeds; the band is one standard deviation.", "多个随机种子的平均；阴影为一个标准差。",
          shows_data=False),
    Entry("2.8", figure_2_8, 3.1, "Figure 2.8  Augmented training images", "图 2.8  数据增强后的图像",
          "The document's text calls this figure 2.7, its caption says 2.8.", "文档正文称之为图 2.7，图题为 2.8。"),
    Entry("table-2.1", table_2_1, 3.6, "Table 2.1  Augmentations in training", "表 2.1  训练时的数据增强操作",
          shows_data=False),
    Entry("2.9", figure_2_9, 2.6, "Figure 2.9  Training", "图 2.9  训练结果",
          "The document's text calls this figure 2.8, its caption says 2.9.", "文档正文称之为图 2.8，图题为 2.9。"),
    Entry("2.10", figure_2_10, 2.6, "Figure 2.10  Validation", "图 2.10  验证结果",
          "The document's text calls this figure 2.9, its caption says 2.10.", "文档正文称之为图 2.9，图题为 2.10。"),
    Entry("3.1", figure_3_1, 7.2, "Figure 3.1  16 random predictions", "图 3.1  随机抽取的 16 张图的预测",
          "✓ and a thin frame: right. ✗ and a thick dashed frame: wrong. In the corner: the network's probability.",
          "✓ 与细实线框：正确；✗ 与粗虚线框：错误。角上为网络给出的概率。"),
    Entry("confusion", confusion, 5.2, "Confusion matrix, validation set", "验证集混淆矩阵",
          "Shade: share of the true species. Beyond the document.", "深浅为占真实类别的比例。文档之外的图。"),
    Entry("precision-recall", precision_recall, 4.0, "Precision and recall per species", "各类的精确率与召回率",
          "Wilson intervals. Beyond the document.", "Wilson 区间。文档之外的图。"),
    Entry("grad-cam", grad_cam, 6.8, "Where the network looks (Grad-CAM)", "网络关注的区域（Grad-CAM）",
          "For the predicted species; the line is half of the maximum. Beyond the document.",
          "针对预测类别；白线为最大值的一半。文档之外的图。"),
    Entry("learning-rate", learning_rate, 2.4, "Learning rate", "学习率曲线", "Beyond the document.", "文档之外的图。"),
]


def _names(run: Run, t: Labels, chinese: bool = False) -> list[str]:
    """Class names in label order, in English or (where the document has them) Chinese."""
    classes = [str(name) for name in run.prediction("classes", (10,), "U")]
    if chinese:
        return [CHINESE_NAMES.get(name, t.plain(name)) for name in classes]
    return [t.plain(name.replace("_", " ").capitalize()) for name in classes]


def _held_out(run: Run) -> bool:
    """Whether a part of the training images chose the epoch, and not the validation images as in the document."""
    return run.setting("choose_on", "validation") == "holdout"


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f} %"


def _sign(right: bool) -> str:
    return "✓" if right else "✗"


def _predictions(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(labels (N,), probabilities (N, 10)) of the validation set."""
    labels = run.prediction("labels", (None,), "iu")
    if labels.min() < 0 or labels.max() > 9:
        raise KitError(f"{run.path / 'predictions.npz'}: labels from {labels.min()} to {labels.max()}, expected 0 to 9")
    return labels, run.prediction("probabilities", (len(labels), 10), "f")


def _counts(run: Run) -> np.ndarray:
    """Confusion counts (10, 10), row = true class."""
    labels, probabilities = _predictions(run)
    return confusion_matrix(labels, probabilities.argmax(axis=1), classes=10)


def _shares(right: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(shares, lows, highs) with 95 % intervals; NaN for a species that never occurs."""
    rows = [(k / n, *wilson_interval(k, n)) if n else (np.nan,) * 3 for k, n in zip(right, of)]
    shares, lows, highs = np.array(rows).T
    return shares, lows, highs


def _index(run: Run, name: str, n: int, rows: int) -> np.ndarray:
    index = run.artifact(name, (n,), "iu")
    if index.min() < 0 or index.max() >= rows:
        raise KitError(f"{run.path / 'artifacts.npz'}: {name} points outside the {rows} rows of predictions.npz")
    return index


SCRIPT = FigureScript("monkey_species", __file__, FIGURES)
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
