"""Commands of `python -m assignments`, one file each, options beside the command.

scripts.py                      list, run, figures, predict; new.py writes a work from templates/
report.py, compare.py           pages, of common/chapters.py; reproduce.py: everything from nothing
notebooks.py                    the notebooks, made anew from their sources
exercises.py                    what students fill in; submit_exercises.py: its zip
submit.py, grade.py             the student's zip, the teacher's grades; autograder/ goes into Gradescope's zip
export.py, release.py           trained networks for others; weights.py: those of others
data.py                         audit, sample, pack, fetch; label_errors.py: labels in doubt
demo.py                         a page to play with, made in assignments/demo
doctor.py                       what this machine offers; bench.py: speed, measured by assignments/bench
"""
