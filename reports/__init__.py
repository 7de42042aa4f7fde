"""What is read from runs: figures, pages, grades.

run_reader.py    a run folder, read without trust
run_list.py      the runs that there are; which one is taken where none is named
tables.py        values of the documents beside those measured, as text, Markdown, CSV and LaTeX
text_table.py    tables for terminals
figures/         style, plots, diagrams, the figure script
pages/           the report, the comparison of runs
grading/         submissions judged again (a reader may skip its jail)
benchmarks/      measured speeds
"""
