"""Songs whose values tell where they are from."""

import pytest
from numbered_songs import write_songs


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    return write_songs(tmp_path_factory.mktemp("songs"))
