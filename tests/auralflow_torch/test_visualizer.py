import numpy as np
import pytest
import torch

from auralflow_core.plots import differences
from auralflow_core.plots import signals as plots
from auralflow_torch import visualizer


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_tensors_that_are_still_in_a_graph_are_drawn(dtype):
    spectra = torch.rand(2, 1, 8, 10).to(dtype).requires_grad_()
    figure = visualizer.spec_show_diff("vocals", spectra[0], spectra[1])
    expected = differences.spectrogram_difference_figure("vocals", *spectra.detach().float().numpy())
    for ours, theirs in zip(figure.axes[:3], expected.axes[:3], strict=True):
        np.testing.assert_allclose(ours.images[0].get_array(), theirs.images[0].get_array(), atol=1e-4)


def test_complex_spectra_are_drawn_and_arrays_too():
    spectrum = torch.stft(torch.rand(2, 4000), 256, window=torch.ones(256), return_complex=True)
    figure = visualizer.spec_show_diff("vocals", spectrum.conj(), spectrum)
    np.testing.assert_allclose(figure.axes[2].images[0].get_array(), 0, atol=1e-9)
    visualizer.spec_show_diff("vocals", spectrum.abs().numpy(), spectrum.abs())
    with pytest.raises(ValueError, match="decibel=True"):
        visualizer.spec_show_diff("vocals", -spectrum.abs(), spectrum.abs())


def test_waveforms_are_drawn():
    audio = torch.rand(2, 500, requires_grad=True)
    figure = visualizer.waveform_show_diff("vocals", audio, 0.5 * audio, 80, sample_rate=100)
    assert figure.dpi == 80 and figure.axes[0].get_xlim() == (0, 5)
    assert figure.axes[2].collections[0].get_paths()[0].vertices[:, 1].max() == pytest.approx(0.5 * audio.max().item())  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize("name", ["spectrogram_figure", "waveform_figure"])
def test_panels_may_be_tensors(name):
    audio = torch.rand(1, 3000)
    ours, theirs = (
        plots.pixels(getattr(module, name)({"noise": signal}, 8000, "a title"))
        for module, signal in ((visualizer, audio), (plots, audio.numpy()))
    )
    np.testing.assert_array_equal(ours, theirs)
