"""Packages that only some installations have, and how to install them."""

import contextlib
from collections.abc import Iterator

from auralflow_core.errors import MissingPackage

INSTALL = {
    # dependencies of auralflow that the wheel auralflow-onnx does without
    **dict.fromkeys(
        ("flax", "grain", "jax", "matplotlib", "optax", "orbax", "tensorboardX", "yaml"), "pip install auralflow"
    ),
    "torch": "pip install 'auralflow[torch]'",
    "huggingface_hub": "pip install 'auralflow[hub]'",
    "onnxruntime": "pip install 'auralflow[onnx]'",
    **dict.fromkeys(("onnx", "onnxscript"), "pip install 'auralflow[export]'"),
    "ai_edge_litert": "pip install 'auralflow[litert]'",
    **dict.fromkeys(("ai_edge_quantizer", "litert_torch"), "pip install 'auralflow[tflite]'"),
    "executorch": "pip install 'auralflow[executorch]'",
    **dict.fromkeys(("mido", "pyworld"), "pip install 'auralflow[songs]'"),
    **dict.fromkeys(("fastapi", "uvicorn"), "pip install 'auralflow[studio]'"),
}


@contextlib.contextmanager
def needs(*packages: str) -> Iterator[None]:
    """Turns a failed import in the block into a message that says what to install.

    Args:
        packages: some of `INSTALL`.

    Raises:
        MissingPackage: one of them is not installed.

    Example:
        with needs("torch"):
            from auralflow_torch.models import SpectrogramMaskModel
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (package := (error.name or "").partition(".")[0]) not in packages:
            raise
        raise MissingPackage(
            f"this needs the package {package}, which is not installed: {INSTALL[package]}", name=package
        ) from None
