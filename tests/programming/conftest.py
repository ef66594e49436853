"""Fixtures of the programming tests."""

import jax
import pytest


@pytest.fixture
def x64():
    """Double precision for one test."""
    with jax.enable_x64(True):
        yield
