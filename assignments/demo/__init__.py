"""A page to play with, made by gradio: python -m assignments demo.

page.py      tabs, buttons and the server, which keeps nothing
answers.py   what a tab answers to a picture; choices.py: the networks that can be chosen
show.py      answers as HTML, styled by page.css; words.yaml: what the page says
"""
