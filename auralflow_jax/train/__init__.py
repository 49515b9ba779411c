"""Training: plan, state, and the loop over steps and epochs.

The names below are imported when they are first used, so that processes which only read data need no jax.
"""

from typing import TYPE_CHECKING

from auralflow_core.lazy import lazy_names

if TYPE_CHECKING:  # the same names for type checkers and editors
    from auralflow_jax.train.fitting import fit as fit
    from auralflow_jax.train.monitor import Interrupted as Interrupted
    from auralflow_jax.train.plan import TrainingPlan as TrainingPlan
    from auralflow_jax.train.plan import make_plan as make_plan
    from auralflow_jax.train.run import train as train
    from auralflow_jax.train.state import TrainState as TrainState
    from auralflow_jax.train.state import new_state as new_state
    from auralflow_jax.train.step import make_train_step as make_train_step

_HOME = {
    "Interrupted": "auralflow_jax.train.monitor",
    "TrainingPlan": "auralflow_jax.train.plan",
    "TrainState": "auralflow_jax.train.state",
    "fit": "auralflow_jax.train.fitting",
    "make_plan": "auralflow_jax.train.plan",
    "make_train_step": "auralflow_jax.train.step",
    "new_state": "auralflow_jax.train.state",
    "train": "auralflow_jax.train.run",
}

__all__ = [*_HOME]  # noqa: PLE0604
__getattr__, __dir__ = lazy_names(__name__, _HOME)
