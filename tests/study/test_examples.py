"""The examples in the docstrings, as they are pasted."""

import doctest
import inspect

import pytest

import memjax as mj

FUNCTIONS = [name for name, value in vars(mj.study).items() if inspect.isfunction(value) or inspect.isclass(value)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_example(name):
    examples = doctest.DocTestFinder(recurse=False).find(getattr(mj.study, name), name, globs={})
    results = [doctest.DocTestRunner().run(example) for example in examples]
    assert [result.failed for result in results] == [0]
    assert results[0].attempted > 1
