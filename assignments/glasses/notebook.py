# %% [markdown] lang="en"
# # Glasses or no glasses
# A small convolutional network answers one question about a face. You train it, look at what it sees and where it is unsure, change its learning rate, and write four of its parts yourself.

# %% [markdown] lang="zh"
# # 戴没戴眼镜
# 一个小卷积网络回答关于人脸的一个问题。你将训练它，看它看到什么、在哪里没有把握，改变学习率，并亲自写出它的四个部分。

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
# The curve of the losses grows below while the network learns.

# %% [markdown] lang="zh"
# ## 训练
# 网络学习时，损失曲线在下方逐渐画出。

# %%
run = api.train("glasses", preset)
print(run.path, run.result["metrics"]["accuracy"])

# %% [markdown] lang="en"
# ## The data
# Faces of the training set with their labels.

# %% [markdown] lang="zh"
# ## 数据
# 训练集中的人脸与标签。

# %%
api.figure(run, "1", "LANGUAGE")

# %% [markdown] lang="en"
# ## How sure is it?
# Of the answers given with 80 %, are 80 % right?

# %% [markdown] lang="zh"
# ## 它有多大把握？
# 以 80 % 把握给出的答案中，有 80 % 是对的吗？

# %%
api.figure(run, "calibration", "LANGUAGE")

# %% [markdown] lang="en"
# The faces about which it is least sure.

# %% [markdown] lang="zh"
# 它最没有把握的人脸。

# %%
api.figure(run, "uncertain", "LANGUAGE")

# %% [markdown] lang="en"
# ## Change one setting
# A learning rate ten times as small. Which of both runs is better, and why?

# %% [markdown] lang="zh"
# ## 改变一个设置
# 学习率缩小到十分之一。两次运行哪次更好？为什么？

# %%
other = api.train("glasses", preset, optimizer={"name": "adam", "lr": 0.0001})
for each in (run, other):
    print(each.path.name, each.result["metrics"]["accuracy"]["value"])

# %%
import matplotlib.pyplot as plt

for each, label in ((run, "preset"), (other, "lr / 10")):
    plt.plot(*each.series("epoch", "epoch", "val/loss"), marker=".", label=label)
plt.xlabel("epoch"), plt.ylabel("val/loss"), plt.legend()
plt.show()

# %% [markdown] lang="en"
# ## Exercises
# Fill in a function and run both cells. The check uses a public example; the grade is found with other numbers.

# %% [markdown] lang="zh"
# ## 练习
# 填写函数，然后运行两个单元格。检查用的是公开示例；成绩由另外的数值得出。

# %% [markdown] exercise="decayed_rates"
# decayed_rates

# %% [markdown] exercise="max_pool"
# max_pool

# %% [markdown] exercise="batch_norm_evaluation"
# batch_norm_evaluation

# %% [markdown] exercise="uncertain_band"
# uncertain_band

# %% [markdown] lang="en"
# ## Judge and hand in
# `evaluate` measures the best weights anew, beside what an answer gets that knows nothing. A grader does the same with images that you don't have. The last cell writes the zip that is handed in, after the checks that the teacher makes too. The exercises are handed in as a folder: `python -m assignments exercises glasses --out FOLDER`.

# %% [markdown] lang="zh"
# ## 评判与提交
# `evaluate` 重新测量最佳权重，并给出一无所知的答案的得分。评分者用你没有的图片做同样的事。最后一个单元格写出要提交的 zip，并先做与教师相同的检查。练习以文件夹提交：`python -m assignments exercises glasses --out FOLDER`。

# %%
api.evaluate(run)

# %%
import os

os.environ["PYTHONPATH"] = str(kits[0])
# !{sys.executable} -m assignments submit "{run.path}" -o glasses.zip --lang "LANGUAGE"
