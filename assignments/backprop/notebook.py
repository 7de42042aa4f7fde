# %% [markdown] lang="en"
# # Back-propagation by hand
# Everything that a framework does for you, written in NumPy: forward, backward, six ways to go downhill. You check the slides' example digit by digit, and write four functions yourself.

# %% [markdown] lang="zh"
# # 从零实现反向传播
# 框架替你做的一切，用 NumPy 写出来：前向、反向、六种下山的方法。你将逐位核对课件的例子，并亲自写出四个函数。

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
# No images: Iris, digits and the slides' example, in seconds.

# %% [markdown] lang="zh"
# ## 训练
# 没有图片：鸢尾花、手写数字和课件的例子，只需几秒。

# %%
run = api.train("backprop", preset)
print(run.path)
for name, metric in run.result["metrics"].items():
    if name.startswith("digits"):
        print(f"{name:20} {metric['value']:.4f}")

# %% [markdown] lang="en"
# ## The worked example
# Every number of the slides.

# %% [markdown] lang="zh"
# ## 计算示例
# 课件中的每个数值。

# %%
api.figure(run, "network", "LANGUAGE")

# %% [markdown] lang="en"
# ## Ways downhill
# The rules of the slides on one surface.

# %% [markdown] lang="zh"
# ## 下山之路
# 课件的各种更新规则在同一曲面上。

# %%
api.figure(run, "paths", "LANGUAGE")

# %% [markdown] lang="en"
# ## Digits

# %% [markdown] lang="zh"
# ## 手写数字

# %%
api.figure(run, "digits", "LANGUAGE")

# %% [markdown] lang="en"
# ## Change one setting
# Another seed: how much of a difference is chance?

# %% [markdown] lang="zh"
# ## 改变一个设置
# 换一个种子：差别有多少是偶然？

# %%
other = api.train("backprop", preset, seed=1)
for each in (run, other):
    print(each.path.name, {name: round(metric["value"], 4) for name, metric in each.result["metrics"].items()
                           if name.startswith("digits")})

# %% [markdown] lang="en"
# ## Exercises
# Fill in a function and run both cells. The check uses a public example; the grade is found with other numbers.

# %% [markdown] lang="zh"
# ## 练习
# 填写函数，然后运行两个单元格。检查用的是公开示例；成绩由另外的数值得出。

# %% [markdown] exercise="sigmoid"
# sigmoid

# %% [markdown] exercise="softmax"
# softmax

# %% [markdown] exercise="squared_error"
# squared_error

# %% [markdown] exercise="logistic_loss"
# logistic_loss

# %% [markdown] lang="en"
# ## Judge and hand in
# `evaluate` measures the best weights anew, beside what an answer gets that knows nothing. A grader does the same with images that you don't have. The last cell writes the zip that is handed in, after the checks that the teacher makes too. The exercises are handed in as a folder: `python -m assignments exercises backprop --out FOLDER`.

# %% [markdown] lang="zh"
# ## 评判与提交
# `evaluate` 重新测量最佳权重，并给出一无所知的答案的得分。评分者用你没有的图片做同样的事。最后一个单元格写出要提交的 zip，并先做与教师相同的检查。练习以文件夹提交：`python -m assignments exercises backprop --out FOLDER`。

# %%
api.evaluate(run)

# %%
import os

os.environ["PYTHONPATH"] = str(kits[0])
# !{sys.executable} -m assignments submit "{run.path}" -o backprop.zip --lang "LANGUAGE"
