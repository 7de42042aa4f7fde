"""What the works share.

work.py          the class Work: what a work declares, and what follows; regression.py: one that answers with numbers
works.py         the list of the works
settings.py      what most works let one set; examples.py: pictures for figures
splits.py        a data set, its stores, and a training that has come to its end
runner.py        the command line of a run; runs.py: runs named by people; trainers.py: a work's Trainer
before.py        what a run needs, told before it starts; summary.py: what came of it
find_lr.py       a learning rate to begin with
variants.py      trainings that differ from a base in one thing each, compared image by image
label_errors.py  labels in doubt, by the rule of confident.py; without.py: training without images that a list names;
                 continuing.py: commands that go on where they were interrupted
exercises.py     functions that students write, as works declare them
judging.py       the grader's second look at a submission
figure_scripts.py    the figures of a work, its own or the first ones of any run; chapters.py: a work in the report
export.py        the best network of a run for use without its code
media.py         pictures, folders and videos for predict; pipeline.py: decoding and encoding beside the network
                 pretrained.py: weights that come with the kit
surroundings.py  versions, device and data that are found here
zips.py          members of zips whose bytes depend on their content alone
command_line.py  errors told in one line; interpreter.py: which Python has the kit, aside.py: how a script is led there;
                 health.py: whether it has what the kit needs
iris.py          optimizers compared on Iris, for two works
"""
