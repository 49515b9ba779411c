"""The networks as `nn.Module`s, with module names and weights that convert to and from auralflow_jax."""

from auralflow_torch.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE
from auralflow_torch.networks.hybrid_net import HybridNet
from auralflow_torch.networks.open_unmix import OpenUnmix
from auralflow_torch.networks.spectrogram_net import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE
from auralflow_torch.networks.spleeter import SpleeterNet

__all__ = [
    "AudioNetSimple",
    "AudioNetSimpleLSTM",
    "AudioNetVAE",
    "HybridNet",
    "OpenUnmix",
    "SpectrogramNetLSTM",
    "SpectrogramNetSimple",
    "SpectrogramNetVAE",
    "SpleeterNet",
]

# By the names of the configuration's structs.
NETWORKS = {
    network.__name__: network
    for network in (
        SpectrogramNetSimple,
        SpectrogramNetLSTM,
        SpectrogramNetVAE,
        AudioNetSimple,
        AudioNetSimpleLSTM,
        AudioNetVAE,
        HybridNet,
        SpleeterNet,
        OpenUnmix,
    )
}
