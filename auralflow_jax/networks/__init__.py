"""The networks as flax modules, by the names of their settings' structs."""

from auralflow_jax.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE
from auralflow_jax.networks.hybrid_net import HybridNet
from auralflow_jax.networks.open_unmix import OpenUnmix
from auralflow_jax.networks.spectrogram_net import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE
from auralflow_jax.networks.spleeter import SpleeterNet

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
