# %% [markdown] lang="en"
# # Forty attributes of a face
# One trunk, seven heads: a vision transformer for telephones answers forty questions about a face. You ask the network that comes with the kit, train a small one, and see which attributes are hard, and why accuracy alone deceives.

# %% [markdown] lang="zh"
# # 人脸的四十个属性
# 一个主干、七个头：为手机设计的视觉 Transformer 回答关于人脸的四十个问题。你将询问随套件而来的网络，训练一个小网络，看哪些属性难，以及为什么只看准确率会受骗。

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
# ## Ask the network that comes with the kit
# It wants a face framed as in CelebA. A grey picture is no face: look how sure it is all the same.

# %% [markdown] lang="zh"
# ## 询问随套件而来的网络
# 它需要按 CelebA 取景的人脸。灰色图片不是人脸：看看它仍然有多大把握。

# %%
import numpy as np

faces = api.load("face_attributes")
chances = faces(np.full((218, 178, 3), 128, "uint8"))
for number in chances.argsort()[::-1][:5]:
    print(f"{faces.classes[number]:20} {chances[number]:.2f}")

# %% [markdown] lang="en"
# ## Train
# Drawn faces, where no CelebA is found: good for seeing how it works, not for numbers. Half of the epochs of `sample` are enough for that.

# %% [markdown] lang="zh"
# ## 训练
# 找不到 CelebA 时使用程序生成的人脸：适合了解过程，不适合得到数值。为此 `sample` 的一半轮数就够了。

# %%
shorter = {"epochs": 3} if preset == "sample" else {}
run = api.train("face_attributes", preset, **shorter)
print(run.path, run.result["metrics"]["accuracy"])

# %% [markdown] lang="en"
# ## The data
# How frequent each attribute is: always answering the majority is right surprisingly often.

# %% [markdown] lang="zh"
# ## 数据
# 每个属性出现的频率：总是回答多数，正确率就高得惊人。

# %%
api.figure(run, "frequencies", "LANGUAGE")

# %% [markdown] lang="en"
# ## Attribute by attribute
# Beside what the majority gets.

# %% [markdown] lang="zh"
# ## 逐个属性
# 与总是回答多数相比。

# %%
api.figure(run, "accuracy", "LANGUAGE")

# %% [markdown] lang="en"
# ## Change one setting
# One head in place of seven.

# %% [markdown] lang="zh"
# ## 改变一个设置
# 用一个头代替七个头。

# %%
other = api.train("face_attributes", preset, heads="single", **shorter)
for each in (run, other):
    print(each.path.name, each.result["metrics"]["accuracy"]["value"])

# %%
import matplotlib.pyplot as plt

for each, label in ((run, "seven heads"), (other, "one head")):
    plt.plot(*each.series("epoch", "epoch", "val/accuracy"), marker=".", label=label)
plt.xlabel("epoch"), plt.ylabel("val/accuracy"), plt.legend()
plt.show()

# %% [markdown] lang="en"
# ## Exercises
# Fill in a function and run both cells. The check uses a public example; the grade is found with other numbers.

# %% [markdown] lang="zh"
# ## 练习
# 填写函数，然后运行两个单元格。检查用的是公开示例；成绩由另外的数值得出。

# %% [markdown] exercise="mappings"
# mappings

# %% [markdown] exercise="residual_branch"
# residual_branch

# %% [markdown] exercise="binary_cross_entropy"
# binary_cross_entropy

# %% [markdown] exercise="reliability_curve"
# reliability_curve

# %% [markdown] lang="en"
# ## Judge and hand in
# `evaluate` measures the best weights anew, beside what an answer gets that knows nothing. A grader does the same with images that you don't have. The last cell writes the zip that is handed in, after the checks that the teacher makes too. The exercises are handed in as a folder: `python -m assignments exercises face_attributes --out FOLDER`.

# %% [markdown] lang="zh"
# ## 评判与提交
# `evaluate` 重新测量最佳权重，并给出一无所知的答案的得分。评分者用你没有的图片做同样的事。最后一个单元格写出要提交的 zip，并先做与教师相同的检查。练习以文件夹提交：`python -m assignments exercises face_attributes --out FOLDER`。

# %%
api.evaluate(run)

# %%
import os

os.environ["PYTHONPATH"] = str(kits[0])
# !{sys.executable} -m assignments submit "{run.path}" -o face_attributes.zip --lang "LANGUAGE"
