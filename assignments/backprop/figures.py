"""Every figure of the back-propagation assignment and its animation, redrawn from a run folder; nothing is trained.

python assignments/backprop/figures.py [--run DIR] [--out DIR] [--lang en|zh] [--only network paths animation]
"""

import sys
from pathlib import Path

from assignments.backprop import figures_experiments as experiments
from assignments.backprop import figures_mathematics as mathematics
from assignments.backprop.animation import write_animation
from reports.figures.figure_script import Entry, FigureScript, suffix
from reports.run_reader import Run

FIGURES = [  # in the order of the slides, which number none
    Entry("network", mathematics.network, 3.3,
          "The worked example: first pass, and the first step of all eight weights",
          "计算示例：第一次前向计算与八个权重的第一步更新", "The slides give w5 after the step; the other seven are computed here.",
          "课件只给出更新后的 w5，其余七个由此处计算。"),
    Entry("worked-table", mathematics.worked_table, 3.7, "The worked example, value by value", "计算示例的逐项数值"),
    Entry("worked-curve", mathematics.worked_curve, 2.8, "The worked example trained on", "计算示例的继续训练",
          "The slides' step changes the eight weights and leaves the biases alone. Right: weights only.",
          "课件的更新只改变八个权重，不改变偏置。右图：只更新权重。"),
    Entry("gradients", mathematics.gradients, 2.9, "Gradients by hand, by finite differences and by Paddle",
          "手写梯度、有限差分与 Paddle 的比较", "Left: too long a step cuts the series off, too short a step is lost in rounding. "
          "Right: one point per random network.", "左：步长过大则截断误差大，过小则舍入误差大。右：每点为一个随机网络。"),
    Entry("outputs", mathematics.outputs, 3.7, "Output activations and their losses", "输出层激活函数与损失函数",
          "Squared error behind a sigmoid has no gradient left where the output is badly wrong (left end).",
          "sigmoid 配平方误差时，输出错得越远梯度越小（左端）。"),
    Entry("stability", mathematics.stability, 2.8, "Large logits", "大 logit 时的数值稳定性",
          "x: the last finite value; beyond it the formula of the slides gives infinity or NaN.",
          "x：最后一个有限值；再往后，直接使用课件公式得到无穷大或 NaN。"),
    Entry("exercise", mathematics.exercise, 2.0, "The exercise: dL/dw32 = h3 (o2 - t2)", "练习：dL/dw32 = h3 (o2 - t2)",
          "h = (0.3, 0.6, 0.9), t = (0, 1). The slides note log = log2, their derivation uses ln: the last column is 1 "
          "/ ln 2 "
          "times the others.", "h = (0.3, 0.6, 0.9)，t = (0, 1)。课件注明 log = log2，"
          "推导却用自然对数：最后一列是其余各列的 1 / ln 2 倍。"),
    Entry("batches", experiments.batches, 2.9, "Full batch, mini-batch and single sample", "全批量、小批量与单样本梯度下降",
          "A straight line through 128 points; the same start and 12 passes over the data for each.",
          "用 128 个点拟合一条直线；起点相同，各遍历数据 12 次。"),
    Entry("noise", experiments.noise, 2.7, "Noise of mini-batch gradients", "小批量梯度的噪声",
          "Digits network; mean over random batches.", "手写数字网络；对随机批次取平均。"),
    Entry("learning-rate", experiments.learning_rate, 4.0, "Choice of learning rate", "学习率的选择"),
    Entry("paths", experiments.paths, 5.4, "Paths of five optimizers", "五种优化器的路径",
          "Ring: start, star: lowest point. A rate per rule and surface, chosen to show its way of moving.",
          "圆圈：起点；星号：最低点。每种规则在每个曲面上各取一个学习率，以显示其运动方式。"),
    Entry("follow", mathematics.follow, 2.8, "Update rules by hand beside paddle.optimizer",
          "手写更新规则与 paddle.optimizer 的逐步比较",
          "A 4-8-3 network on Iris, mini-batches of 32, float64. Paddle keeps the factor 0.9 in float32. Dotted: 1e-6.",
          "鸢尾花数据，4-8-3 网络，小批量 32，float64。Paddle 以 float32 保存系数 0.9。点线：1e-6。"),
    Entry("epsilon", mathematics.epsilon, 2.6, "Where the formulas differ: epsilon", "公式不同之处：epsilon",
          "Slides: none in AdaGrad and RMSProp, 1e-8 inside Adam's root.\n"
          "Paddle: 1e-6 outside AdaGrad's root, 1e-6 inside RMSProp's, 1e-8 outside Adam's (as in the paper that the "
          "slides cite).",
          "课件：AdaGrad、RMSProp 没有 epsilon，Adam 的 1e-8 在根号内。\n"
          "Paddle：AdaGrad 的 1e-6 在根号外，RMSProp 的 1e-6 在根号内，Adam 的 1e-8 在根号外（与课件所引论文相同）。"),
    Entry("momentum", mathematics.momentum, 2.5, "Where the formulas differ: momentum", "公式不同之处：动量",
          "Slides: V = mu V - lr grad, w + V. Paddle: V = mu V + grad, w - lr V.",
          "课件：V = mu V - lr grad，w + V。Paddle：V = mu V + grad，w - lr V。"),
    Entry("iris", experiments.iris, 2.6, "Five optimizers on Iris", "五种优化器在鸢尾花数据集上的比较",
          "Paddle; mean over seeds, the band is one standard deviation. The monkey report's figure 2.7 is this one.",
          "Paddle；多个随机种子的平均，阴影为一个标准差。与猴子报告的图 2.7 相同。"),
    Entry("digits", experiments.digits, 2.6, "The digits by hand", "手写实现的手写数字识别",
          "64-32-10, ReLU, softmax; mean over seeds, the band is one standard deviation.\n"
          "Right: one training by hand (float64) and the same one in Paddle (float32), batch by batch.",
          "64-32-10，ReLU，softmax；多个随机种子的平均，阴影为一个标准差。\n"
          "右：手写（float64）与 Paddle（float32）的同一次训练，逐批比较。"),
    Entry("autoencoder", experiments.autoencoder, 4.3, "PCA and the linear autoencoder", "PCA 与线性自编码器",
          "Both find the same subspace; gradient descent needs time for its last directions. Digits, held out.",
          "两者得到同一个子空间；梯度下降需要更多步才能找到最后几个方向。手写数字，留出集。"),
    Entry("rotation", experiments.rotation, 2.9, "Rotation prediction as pre-training", "以预测旋转作为预训练",
          "Mean over seeds, the band is one standard deviation. On 8x8 digits with a fully connected network little is "
          "gained;\n"
          "the last hidden layer, made for telling turns, is the worst. The method's paper used convolutions on "
          "photographs.",
          "多个种子的平均，阴影为一个标准差。在 8×8 的数字和全连接网络上收益很小；专为判断旋转的最后隐层最差。\n"
          "原论文在照片上使用卷积网络。"),
]


def animation(run: Run, folder: Path, language: str) -> list[Path]:
    """The worked example's training, to be played in a browser."""
    return [write_animation(run, folder / f"animation{suffix(language)}.html", language)]


SCRIPT = FigureScript("backprop", __file__, FIGURES, others={"animation": animation})
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
