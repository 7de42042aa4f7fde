"""The zip file that Gradescope grades submissions with: python -m assignments gradescope NAME -o autograder.zip"""
