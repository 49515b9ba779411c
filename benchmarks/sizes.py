"""The sizes of the networks with their templates' settings, as the rows of the README's table.

    python benchmarks/sizes.py
"""

import jax

from auralflow.config import MODELS, Config, template
from auralflow_jax import networks


def count_parameters(config: Config) -> int:
    """The trained parameters of a configuration's model, from shapes alone."""
    model = networks.build(config)
    variables = jax.eval_shape(lambda: model.init(jax.random.key(0), config.crop_samples))
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


def main() -> None:
    """Prints a markdown table."""
    print("| Network | Parameters (millions) |")
    print("| --- | ---: |")
    for name in MODELS:
        print(f"| `{name}` | {count_parameters(template(name)) / 1e6:.1f} |")


if __name__ == "__main__":
    main()
