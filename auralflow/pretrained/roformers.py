"""Band-split RoFormers that their trainers published."""

from auralflow.pretrained.checkpoints import HOST, NONE_STATED, describe
from auralflow.pretrained.web import WebFile
from auralflow_core.config import BSRoformer, MelBandRoformer

KIM = describe(
    "melband-roformer-kim",
    MelBandRoformer(model_name="melband-roformer-kim"),
    WebFile(
        f"{HOST}/KimberleyJSN/melbandroformer/resolve/ac9b0614ab3cd7f77219e18ba494dfd93956c348/MelBandRoformer.ckpt",
        "87201f4d31afb5bc79993230fc49446918425574db48c01c405e44f365c7559e",
    ),
    352_800,
    913.1,
    "MIT",
    "Trained by Kimberley Jensen with Music-Source-Separation-Training. The author's page says: MIT licence.",
    "SDR vocals 12.0 dB (unblend, MUSDB18-HQ test), 11.0 dB (MVSep, Multisong)",
)
ANVUEW = describe(
    "bs-roformer-anvuew",
    BSRoformer(model_name="bs-roformer-anvuew"),
    WebFile(
        f"{HOST}/Ryan5453/unblend/resolve/67fbfa22f65faad085cfb7c9897474993331163d/bs_roformer_anvuew.safetensors",
        "dc68a24e0525902dfdb5f18d259161e89a7fbaf9801bfaea4beb3bf38cf87766",
    ),
    960_000,
    204.3,
    "GPL-3.0",
    "Trained by anvuew, who published it as bs_roformer_anvuew_sdr_12.45.ckpt; this is the copy of the project "
    "unblend. The author's page says: GNU General Public License 3.0.",
    "SDR vocals 12.4 dB (unblend, MUSDB18-HQ test)",
)
RESURRECTION = describe(
    "bs-roformer-resurrection",
    BSRoformer(model_name="bs-roformer-resurrection"),
    WebFile(
        f"{HOST}/pcunwa/BS-Roformer-Resurrection/resolve/main/BS-Roformer-Resurrection.ckpt",
        "9dbfe5cb572e4ed32a15ec727d7bd06c8d7aba97509e6fda5bc008bb1e0b2dd5",
    ),
    352_800,
    204.5,
    NONE_STATED,
    "Trained by unwa (pcunwa). No licence of the weights is stated. Segments of 8 seconds are auralflow's choice.",
    "SDR vocals 11.3 dB (audio-separator, from a guide of the community)",
)
RESURRECTION_INST = describe(
    "bs-roformer-resurrection-inst",
    BSRoformer(model_name="bs-roformer-resurrection-inst", targets=("accompaniment",)),
    WebFile(
        f"{HOST}/pcunwa/BS-Roformer-Resurrection/resolve/main/BS-Roformer-Resurrection-Inst.ckpt",
        "16311025a5133ae6411760ccfe9e3e66b31a01d9d8bec0a03fa7ec4bedac7a15",
    ),
    352_800,
    204.5,
    NONE_STATED,
    "Trained by unwa (pcunwa). No licence of the weights is stated. Segments of 8 seconds are auralflow's choice.",
    "SDR accompaniment 17.2 dB (audio-separator, from a guide of the community)",
)
SW_INSTRUMENTS = ("bass", "drums", "other", "vocals", "guitar", "piano")
SW = describe(
    "bs-roformer-sw",
    BSRoformer(model_name="bs-roformer-sw", targets=SW_INSTRUMENTS, dropout_p=0.1),
    WebFile(
        f"{HOST}/enerjazzer/BS-ROFO-SW-Fixed/resolve/a443a2985534b3bc815ef54a5d446c6a0390f974/BS-Rofo-SW-Fixed.ckpt",
        "24e7d35ee9c64415673d3fd33e06a67cac2c103c5df6267ba1576459c775916e",
    ),
    588_800,
    699.4,
    NONE_STATED,
    "Who trained it is not known. It was edited by jarredou so that other programs read it, and survives as a copy of "
    "enerjazzer's. No licence of the weights is stated.",
    "SDR vocals 11.3, guitar 9.0, piano 7.8 dB (MVSep's leaderboard, as others cite it)",
    SW_INSTRUMENTS,
)
ROFORMERS = (KIM, ANVUEW, RESURRECTION, RESURRECTION_INST, SW)
