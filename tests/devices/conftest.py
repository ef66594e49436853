"""Fixtures of the device tests."""

import pytest


@pytest.fixture(autouse=True)
def compiled_quickly(quick_compilation):
    """All of them compile many tiny programs."""
