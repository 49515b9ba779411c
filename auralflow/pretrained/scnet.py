"""An SCNet that its trainer published."""

from auralflow.pretrained.checkpoints import HOST, NONE_STATED, describe
from auralflow.pretrained.web import WebFile
from auralflow_core.config import SCNet

SCNET_XL_IHF = describe(
    "scnet-xl-ihf",
    SCNet(
        model_name="scnet-xl-ihf",
        level_channels=(64, 128, 256),
        band_shares=(0.23, 0.37, 0.4),
        band_strides=(1, 4, 4),
        band_kernels=(3, 4, 4),
        band_depths=(3, 3, 3),
        num_layers=8,
    ),
    WebFile(
        f"{HOST}/Ryan5453/unblend/resolve/67fbfa22f65faad085cfb7c9897474993331163d/scnet_xl_wide_v5.safetensors",
        "84daab8341398b1b1cd2183bdab4b08685104ca2a2c7f2bb0d6640bf3629527c",
    ),
    485_100,
    213.9,
    NONE_STATED,
    "Trained by ZFTurbo on the training songs of MUSDB18, with Music-Source-Separation-Training, who published it as "
    "model_scnet_ep_36_sdr_10.0891.ckpt; this is the copy of the project unblend. No licence of the weights is stated; "
    "MUSDB18 is for non-commercial use.",
    "SDR mean 10.1 dB (Music-Source-Separation-Training, MUSDB18-HQ test), 9.9 dB (unblend, the same songs)",
    ("drums", "bass", "other", "vocals"),
)
