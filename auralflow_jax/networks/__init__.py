"""The networks as flax modules, by the names of their settings' structs."""

from auralflow_core import config as configuration
from auralflow_jax.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE
from auralflow_jax.networks.band_split_roformer import BandSplitRoformer
from auralflow_jax.networks.h_demucs import HDemucs
from auralflow_jax.networks.ht_demucs import HTDemucs
from auralflow_jax.networks.hybrid_net import HybridNet
from auralflow_jax.networks.open_unmix import OpenUnmix
from auralflow_jax.networks.registry import NETWORKS as NETWORKS
from auralflow_jax.networks.registry import build_network as build_network
from auralflow_jax.networks.registry import create_network as create_network
from auralflow_jax.networks.registry import register
from auralflow_jax.networks.scnet import SCNet
from auralflow_jax.networks.spectrogram_net import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE
from auralflow_jax.networks.spleeter import SpleeterNet
from auralflow_jax.networks.tfc_tdf import TFCTDF

__all__ = [
    "TFCTDF",
    "AudioNetSimple",
    "AudioNetSimpleLSTM",
    "AudioNetVAE",
    "BandSplitRoformer",
    "HDemucs",
    "HTDemucs",
    "HybridNet",
    "OpenUnmix",
    "SCNet",
    "SpectrogramNetLSTM",
    "SpectrogramNetSimple",
    "SpectrogramNetVAE",
    "SpleeterNet",
]

register("SpectrogramNetSimple", SpectrogramNetSimple, configuration.SpectrogramNetSimple)
register("SpectrogramNetLSTM", SpectrogramNetLSTM, configuration.SpectrogramNetLSTM)
register("SpectrogramNetVAE", SpectrogramNetVAE, configuration.SpectrogramNetVAE)
register("AudioNetSimple", AudioNetSimple, configuration.AudioNetSimple)
register("AudioNetSimpleLSTM", AudioNetSimpleLSTM, configuration.AudioNetSimpleLSTM)
register("AudioNetVAE", AudioNetVAE, configuration.AudioNetVAE)
register("HybridNet", HybridNet, configuration.HybridNet)
register("SpleeterNet", SpleeterNet, configuration.SpleeterNet)
register("OpenUnmix", OpenUnmix, configuration.OpenUnmix)
register("BSRoformer", BandSplitRoformer, configuration.BSRoformer)
register("MelBandRoformer", BandSplitRoformer, configuration.MelBandRoformer)
register("HTDemucs", HTDemucs, configuration.HTDemucs)
register("SCNet", SCNet, configuration.SCNet)
register("TFCTDF", TFCTDF, configuration.TFCTDF)
register("HDemucs", HDemucs, configuration.HDemucs)
