import pytest
from stem_files import RATE

from auralflow.separation.inputs import find_inputs
from auralflow.separation.stems import StemOutput, separate_files


@pytest.fixture
def run(copies):
    """Separates paths by `copies`, without a failure unless one is expected."""

    def run(
        *paths, directory, start=0, duration=None, options=None, factors=None, progress=None, fails=False, **output
    ):
        sources, _ = find_inputs(paths, start, duration)
        result = separate_files(
            sources,
            copies(RATE, factors),
            StemOutput(directory, **output),
            options,
            *[progress] * (progress is not None),
        )
        assert bool(result.failures) == fails, result.failures
        return result

    return run
