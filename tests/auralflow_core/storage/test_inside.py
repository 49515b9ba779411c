import os

import pytest

from auralflow_core.errors import InputError
from auralflow_core.storage.inside import inside


@pytest.mark.parametrize("name", ["a.wav", "a/b/c.wav", "a/../b.wav", "..a.wav", "a..", "...", "é/音.wav", "a b\nc"])
def test_names_below_the_folder_are_joined(tmp_path, name):
    assert inside(tmp_path, name) == tmp_path / name


@pytest.mark.parametrize(
    "name", ["../a.wav", "a/../../b.wav", "/a.wav", "..", ".", "", "a/..", "a/../..", "../out2/a.wav", "//a"]
)
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="lies outside of"):
        inside(tmp_path / "out", name)


@pytest.mark.parametrize("name", ["\ud800.wav", "a\0b.wav"])
def test_names_that_no_file_can_have_are_refused(tmp_path, name):
    with pytest.raises(InputError, match="no file can have this name"):
        inside(tmp_path, name)


def test_links_that_lead_out_are_refused_and_others_followed(tmp_path):
    for name in ("out", "elsewhere", "out/real"):
        (tmp_path / name).mkdir()
    (tmp_path / "out/there").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "out/here").symlink_to("real")
    (tmp_path / "out/loop").symlink_to("loop")
    (tmp_path / "linked").symlink_to("out")
    with pytest.raises(InputError, match="lies outside of"):
        inside(tmp_path / "out", "there/a.wav")
    assert inside(tmp_path / "out", "here/a.wav") == tmp_path / "out/here/a.wav"
    assert inside(tmp_path / "linked", "a.wav") == tmp_path / "linked/a.wav"
    # A link in the last place would be replaced, not followed.
    assert inside(tmp_path / "out", "there") == tmp_path / "out/there"
    assert inside(os.path.relpath(tmp_path / "out"), "real/a.wav").name == "a.wav"
