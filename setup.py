"""Refuses to pack the kit; all else about it stands in pyproject.toml."""

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.sdist import sdist

WHY = "error: the kit is used from its folder, where its runs and data lie: install it in place with `pip install -e .`"


class NoWheel(bdist_wheel):
    def run(self):
        raise SystemExit(WHY)


class NoSourceArchive(sdist):
    def run(self):
        raise SystemExit(WHY)


setup(cmdclass={"bdist_wheel": NoWheel, "sdist": NoSourceArchive})
