# %% [markdown] lang="en"
# # Super-resolution
# A picture four times as large, by depthwise separable convolutions. You enlarge a picture with the weights of the kit, train for a minute, and measure what the eye does not see.

# %% [markdown] lang="zh"
# # 超分辨率
# 用深度可分离卷积把图片放大四倍。你将用套件的权重放大图片，训练一分钟，并测量眼睛看不见的东西。

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
# ## Enlarge a picture
# Left: every pixel repeated. Right: by the network of the kit.

# %% [markdown] lang="zh"
# ## 放大一张图片
# 左：每个像素重复。右：套件的网络。

# %%
import matplotlib.pyplot as plt
from skimage import data

small = data.astronaut()[80:200:2, 180:300:2]
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4))
left.imshow(small, interpolation="nearest"), right.imshow(api.enlarge(small))
left.axis("off"), right.axis("off")
plt.show()

# %% [markdown] lang="en"
# ## Train
# A few steps: the result is hardly better than bicubic enlargement, and the figures say so.

# %% [markdown] lang="zh"
# ## 训练
# 只训练几步：结果几乎不比双三次放大好，图中也这样写明。

# %%
steps = 6 if preset == "smoke" else 40
run = api.train("swift_srgan", preset, max_steps=steps)
print(run.path)
run.result["metrics"]

# %% [markdown] lang="en"
# ## The curves

# %% [markdown] lang="zh"
# ## 曲线

# %%
api.figure(run, "training", "LANGUAGE")

# %% [markdown] lang="en"
# ## Beside bicubic enlargement

# %% [markdown] lang="zh"
# ## 与双三次放大相比

# %%
api.figure(run, "1", "LANGUAGE")

# %% [markdown] lang="en"
# ## Change one setting
# The pixel loss alone, without a discriminator.

# %% [markdown] lang="zh"
# ## 改变一个设置
# 只用像素损失，不用判别器。

# %%
other = api.train("swift_srgan", preset, max_steps=steps, adversarial=False)
for each in (run, other):
    print(each.path.name, {name: value["value"] for name, value in each.result["metrics"].items()})

# %%
import matplotlib.pyplot as plt

for each, label in ((run, "adversarial"), (other, "pixel loss")):
    plt.plot(*each.series("step", "step", "loss/generator"), marker=".", label=label)
plt.xlabel("step"), plt.ylabel("loss/generator"), plt.legend()
plt.show()

# %% [markdown] lang="en"
# ## Exercises
# Fill in a function and run both cells. The check uses a public example; the grade is found with other numbers.

# %% [markdown] lang="zh"
# ## 练习
# 填写函数，然后运行两个单元格。检查用的是公开示例；成绩由另外的数值得出。

# %% [markdown] exercise="separable_cost"
# separable_cost

# %% [markdown] exercise="pixel_shuffle"
# pixel_shuffle

# %% [markdown] exercise="psnr_y"
# psnr_y

# %% [markdown] lang="en"
# ## Judge and hand in
# `evaluate` measures the best weights anew, beside what an answer gets that knows nothing. A grader does the same with images that you don't have. The last cell writes the zip that is handed in, after the checks that the teacher makes too. The exercises are handed in as a folder: `python -m assignments exercises swift_srgan --out FOLDER`.

# %% [markdown] lang="zh"
# ## 评判与提交
# `evaluate` 重新测量最佳权重，并给出一无所知的答案的得分。评分者用你没有的图片做同样的事。最后一个单元格写出要提交的 zip，并先做与教师相同的检查。练习以文件夹提交：`python -m assignments exercises swift_srgan --out FOLDER`。

# %%
api.evaluate(run)

# %%
import os

os.environ["PYTHONPATH"] = str(kits[0])
# !{sys.executable} -m assignments submit "{run.path}" -o swift_srgan.zip --lang "LANGUAGE"
