"""The dataset whose values tell where they are from."""

import pytest
from ramp_tracks import write_track

from auralflow_core.data.tracks import find_tracks


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dataset")
    for number, samples in enumerate((4000, 8000, 12000)):
        write_track(folder / "train" / f"song {number}", number, samples)
    return find_tracks(folder, "train")
