"""The README's table of models: their sizes with the templates' settings, next to the documented ones.

python benchmarks/sizes.py
"""

import jax

from auralflow_core.config import MODELS, template
from auralflow_jax.models.base import abstract_variables

# In millions of parameters, as users know the models; of the last ones, checkpoints of 204, 913, 168, 42,
# 448 and 334 MB.
DOCUMENTED = {
    "SpectrogramNetSimple": 7.9,
    "SpectrogramNetLSTM": 32.3,
    "SpectrogramNetVAE": 40.0,
    "AudioNetSimple": 7.9,
    "AudioNetSimpleLSTM": 32.3,
    "AudioNetVAE": 40.0,
    "HybridNet": 65.5,
    "BSRoformer": 51.0,
    "MelBandRoformer": 228.2,
    "HTDemucs": 42.0,
    "SCNet": 10.6,
    "TFCTDF": 112.0,
    "HDemucs": 83.6,
}


def table() -> str:
    """The table in markdown; an idea is the first sentence of the settings' documentation."""
    lines = ["| model | targets | parameters | documented | idea |", "|---|---:|---:|---:|---|"]
    for name, settings in MODELS.items():
        documented = f"{DOCUMENTED[name]:g} M" if name in DOCUMENTED else ""
        idea = (settings.__doc__ or "").splitlines()[0].rstrip(".")
        targets = len(template(name).model.targets)
        lines.append(f"| `{name}` | {targets} | {count_parameters(name) / 1e6:.1f} M | {documented} | {idea} |")
    return "\n".join(lines)


def count_parameters(name: str) -> int:
    """The trained parameters of a template's network, from shapes alone."""
    return sum(leaf.size for leaf in jax.tree.leaves(abstract_variables(template(name))["params"]))


if __name__ == "__main__":
    print(table())
