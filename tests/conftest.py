"""What every test starts from."""

import keras
import pytest


@pytest.fixture(autouse=True)
def _seeded():
    """The same weights, dropout and noise whatever was run before: a test passes always or never."""
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A folder in which synthetic images, once drawn, are found again."""
    return tmp_path_factory.mktemp("cache")


def pytest_collection_modifyitems(items):
    """Puts the modules that take longest first, so that of two processes none is left with them in the end."""
    first = ("test_resume.py", "test_workers.py", "test_replicas.py", "test_cli.py", "test_keras.py", "test_gan.py")
    items.sort(key=lambda item: first.index(item.path.name) if item.path.name in first else len(first))
