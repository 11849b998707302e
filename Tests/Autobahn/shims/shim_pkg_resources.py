"""The one function of pkg_resources that the suite uses."""

import pathlib

import autobahntestsuite


def resource_filename(_, name):
    return str(pathlib.Path(autobahntestsuite.__file__).parent / name)
