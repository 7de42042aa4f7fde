"""Grading: submissions are opened without trust, evaluated again from their weights, and compared with what they claim.

submission.py     a run folder or a zip of one, brought into a scratch folder safely; unpack.py: what may be in it
graded_work.py    what a work supplies: its judge and its rubric (rubric.py)
grade_one.py      one submission, in this process: seal.py, consistency.py, then points.py and verdict.py
jail.py           the same in a process of its own with limits.py; zygote.py is the process that it is forked from,
                  shut_in.py what keeps it from files, network and other processes
exercises.py      functions that students write: mistakes.py names what is wrong, source_rules.py what is not allowed;
                  hints.py what was asked for; callees.py: callers of what is wrong
code_jail.py      a student's own code, shut in as well as the system can: kernel.py (its means), confined.py (in there)
class_folder.py   whose a file is and when it came, by the names that learning platforms give
likeness.py       weights and answers that were handed in twice, or came with the kit
class_run.py      many submissions, several at a time, resumable; scratch.py: folders that go with their maker
chinese.py        sentences about a submission in Chinese
gradescope.py, junit.py, grades_csv.py, table.py, class_page.py    what others read; inert.py keeps texts harmless
"""
