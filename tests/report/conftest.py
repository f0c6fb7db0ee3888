import pytest

from synovia.report import Content
from synthetic_report import HOSTILE, content


@pytest.fixture(scope="session")
def synthetic() -> Content:
    return content()


@pytest.fixture(scope="session")
def hostile() -> Content:
    return content(HOSTILE)
