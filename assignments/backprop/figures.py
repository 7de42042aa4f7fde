"""Every figure of the back-propagation assignment and its animation, redrawn from a run folder; nothing is trained.

python assignments/backprop/figures.py [--run DIR] [--out DIR] [--lang en|zh] [--only network paths animation]
"""

import sys
from pathlib import Path

from assignments.backprop import figures_experiments as experiments
from assignments.backprop import figures_mathematics as mathematics
from assignments.backprop import figures_rules as rules
from assignments.backprop.animation import write_animation
from assignments.backprop.pages import write_example
from reports.figures.figure_script import Entry, FigureScript, suffix
from reports.run_reader import Run

FIGURES = [  # in the order of the slides, which number none
    Entry("network", mathematics.network, 3.3),
    Entry("worked-table", mathematics.worked_table, 3.7),
    Entry("worked-curve", mathematics.worked_curve, 2.8),
    Entry("gradients", mathematics.gradients, 2.9),
    Entry("outputs", mathematics.outputs, 3.7),
    Entry("stability", mathematics.stability, 2.8),
    Entry("exercise", mathematics.exercise, 2.0),
    Entry("batches", experiments.batches, 2.9),
    Entry("noise", experiments.noise, 2.7),
    Entry("learning-rate", experiments.learning_rate, 4.0),
    Entry("paths", experiments.paths, 5.4),
    Entry("follow", mathematics.follow, 2.8),
    Entry("epsilon", mathematics.epsilon, 2.6),
    Entry("momentum", mathematics.momentum, 2.5),
    Entry("mu", rules.mu, 2.8),
    Entry("sparse", rules.sparse, 2.8),
    Entry("changing", rules.changing, 3.0),
    Entry("iris", experiments.iris, 2.6),
    Entry("digits", experiments.digits, 3.0),
    Entry("autoencoder", experiments.autoencoder, 4.3),
    Entry("rotation", experiments.rotation, 2.9),
]


def animation(run: Run, folder: Path, language: str) -> list[Path]:
    """The worked example's training, to be played in a browser."""
    return [write_animation(run, folder / f"animation{suffix(language)}.html", language)]


def example(run: Run, folder: Path, language: str) -> list[Path]:
    """The worked example, to play with in a browser."""
    return [write_example(folder / f"example{suffix(language)}.html", language)]


SCRIPT = FigureScript(__file__, FIGURES, others={"animation": animation, "example": example})
measured, draw, main = SCRIPT.measured, SCRIPT.draw, SCRIPT.command(__doc__)

if __name__ == "__main__":
    sys.exit(main())
