"""Switching, told on both stages."""

import pytest
from pytest_bdd import scenarios

pytestmark = pytest.mark.usefixtures("stage")

scenarios("switching.feature")
