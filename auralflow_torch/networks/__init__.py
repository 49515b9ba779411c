"""The networks as `nn.Module`s, with module names and weights that convert to and from auralflow_jax."""

from auralflow_core import config as configuration
from auralflow_torch.networks.audio_net import AudioNetSimple, AudioNetSimpleLSTM, AudioNetVAE
from auralflow_torch.networks.band_split_roformer import BandSplitRoformer
from auralflow_torch.networks.h_demucs import HDemucs
from auralflow_torch.networks.ht_demucs import HTDemucs
from auralflow_torch.networks.hybrid_net import HybridNet
from auralflow_torch.networks.open_unmix import OpenUnmix
from auralflow_torch.networks.registry import NETWORKS as NETWORKS
from auralflow_torch.networks.registry import Network as Network
from auralflow_torch.networks.registry import build_network as build_network
from auralflow_torch.networks.registry import create_network as create_network
from auralflow_torch.networks.registry import network_shapes as network_shapes
from auralflow_torch.networks.registry import register
from auralflow_torch.networks.scnet import SCNet
from auralflow_torch.networks.spectrogram_net import SpectrogramNetLSTM, SpectrogramNetSimple, SpectrogramNetVAE
from auralflow_torch.networks.spleeter import SpleeterNet
from auralflow_torch.networks.tfc_tdf import TFCTDF

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

register("SpectrogramNetSimple", SpectrogramNetSimple.from_config, configuration.SpectrogramNetSimple)
register("SpectrogramNetLSTM", SpectrogramNetLSTM.from_config, configuration.SpectrogramNetLSTM)
register("SpectrogramNetVAE", SpectrogramNetVAE.from_config, configuration.SpectrogramNetVAE)
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
