"""Complex tensors as pairs of real ones while a program is recorded.

Networks and front ends are written with torch's complex numbers. In a block of `real_numbers`, all that would make a
complex tensor makes a `Pair` instead, on which the operations below work, so that nothing complex is recorded.
"""

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from auralflow_core.errors import InputError
from auralflow_torch.export.fourier import Parts, real_irfft, real_istft, real_rfft, real_stft

# Of which both parts are computed alike.
ALIKE = (
    "add cat contiguous detach flatten getitem index_select movedim narrow neg new_zeros pad permute reshape select "
    "squeeze stack sub sum to transpose unflatten unsqueeze view zeros_like expand flip mean"
).split()
SAME = {"truediv": "div", "divide": "div", "multiply": "mul", "rmul": "mul", "radd": "add", "concat": "cat"}


class Pair:
    """A complex tensor.

    Attributes:
        real, imag: its parts, tensors of one shape.
    """

    is_nested = is_quantized = is_sparse = is_sparse_csr = is_mkldnn = False

    def __init__(self, real: Tensor, imag: Tensor) -> None:
        self.real, self.imag = real, imag

    @property
    def shape(self) -> torch.Size:
        return self.real.shape

    @property
    def ndim(self) -> int:
        return self.real.ndim

    @property
    def device(self) -> torch.device:
        return self.real.device

    @property
    def dtype(self) -> torch.dtype:
        return torch.complex128 if self.real.dtype == torch.float64 else torch.complex64

    def is_complex(self) -> bool:
        return True

    def is_floating_point(self) -> bool:
        return False

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return apply(function, args, kwargs or {})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not callable(getattr(Tensor, name, None)):
            raise AttributeError(f"{name} of complex numbers, which cannot be exported as real ones")
        return lambda *args, **kwargs: apply(getattr(Tensor, name), (self, *args), kwargs)

    def __getitem__(self, place: Any) -> "Pair":
        return Pair(self.real[place], self.imag[place])

    def __neg__(self) -> "Pair":
        return Pair(-self.real, -self.imag)

    def __add__(self, other: Any) -> "Pair":
        return apply(Tensor.add, (self, other), {})

    def __sub__(self, other: Any) -> "Pair":
        return apply(Tensor.sub, (self, other), {})

    def __mul__(self, other: Any) -> "Pair":
        return apply(Tensor.mul, (self, other), {})

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Pair":
        return apply(Tensor.div, (self, other), {})


def apply(function: Any, args: Any, kwargs: Any) -> Any:
    """Calls a function of torch's some of whose arguments are pairs.

    Raises:
        InputError: it is none of those that are known here.
    """
    name = getattr(function, "__name__", str(function)).strip("_")
    name = SAME.get(name, name)
    if name in ALIKE and (name not in ("add", "sub") or all(isinstance(part, Pair) for part in args[:2])):
        return Pair(*(function(*_of(part, args), **_of(part, kwargs)) for part in ("real", "imag")))
    known = OPERATIONS.get(name)
    if known is None:
        raise InputError(f"the network uses {name} of complex numbers, which cannot be exported as real ones")
    return known(*args, **kwargs)


def _of(part: str, arguments: Any) -> Any:
    return pytree.tree_map(lambda value: getattr(value, part) if isinstance(value, Pair) else value, arguments)


def multiply(a: Any, b: Any) -> Pair:
    """The product of two numbers or tensors, of which at least one is a pair."""
    if not isinstance(a, Pair):
        a, b = b, a
    if not isinstance(b, Pair):
        return Pair(a.real * b, a.imag * b)
    return Pair(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


def add(a: Any, b: Any) -> Pair:
    """The sum of a pair and a real tensor."""
    a, b = (a, b) if isinstance(a, Pair) else (b, a)
    return Pair(a.real + b, a.imag)


def inverse_stft(
    spectrum: Pair,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Tensor | None = None,
    length: int | None = None,
    **others: Any,
) -> Tensor:
    """`torch.istft` of centred frames, with a window as long as the transform."""
    if window is None or length is None:
        raise InputError("the network uses istft without a window or a length, which cannot be exported")
    _check_framing(n_fft, win_length, others)
    return real_istft(Parts(spectrum.real, spectrum.imag), n_fft, hop_length, window, length)


def inverse_rfft(spectrum: Pair, n: int, dim: int = -1, norm: str | None = None) -> Tensor:
    """`torch.fft.irfft` along the last axis."""
    return real_irfft(Parts(spectrum.real, spectrum.imag), n) * (n**0.5 if norm == "ortho" else 1)


OPERATIONS = {
    "abs": lambda x: (x.real.square() + x.imag.square()).sqrt(),
    "add": add,
    "conj": lambda x: Pair(x.real, -x.imag),
    "div": lambda x, y: Pair(x.real / y, x.imag / y),
    "fft_irfft": inverse_rfft,
    "istft": inverse_stft,
    "mul": multiply,
    "view_as_real": lambda x: torch.stack([x.real, x.imag], dim=-1),
}


def forward_stft(
    audio: Tensor,
    n_fft: int,
    hop_length: int,
    win_length: int | None = None,
    window: Tensor | None = None,
    pad_mode: str = "reflect",
    **others: Any,
) -> Pair:
    """`torch.stft` of centred frames, with a window as long as the transform."""
    if window is None:
        raise InputError("the network uses stft without a window, which cannot be exported")
    _check_framing(n_fft, win_length, others)
    return Pair(*real_stft(audio, n_fft, hop_length, window, pad_mode))


def _check_framing(n_fft: int, win_length: int | None, others: dict[str, Any]) -> None:
    """Refuses options of `torch.stft` and `torch.istft` that are not followed here."""
    expected = {"center": True, "normalized": False, "onesided": True}
    wrong = {name: others[name] for name, value in expected.items() if others.get(name) not in (None, value)}
    if win_length not in (None, n_fft) or wrong:
        raise InputError(f"the network uses stft with {wrong or {'win_length': win_length}}, which cannot be exported")


def forward_rfft(x: Tensor, n: None = None, dim: int = -1, norm: str | None = None) -> Pair:
    """`torch.fft.rfft` along the last axis."""
    scale = x.shape[-1] ** -0.5 if norm == "ortho" else 1
    return Pair(*(part * scale for part in real_rfft(x)))


SOURCES = {
    torch.complex: Pair,
    torch.fft.rfft: forward_rfft,
    torch.stft: forward_stft,
    torch.view_as_complex: lambda x: Pair(*x.unbind(-1)),
}


class real_numbers(TorchFunctionMode):
    """A block in which complex tensors are pairs."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return SOURCES.get(function, function)(*args, **(kwargs or {}))
