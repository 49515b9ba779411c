"""The caches that let a second process skip tracing and compiling."""

import jax

from auralflow_core.storage.cache import cache_folder
from auralflow_jax.trace_cache import keep_traces

MAX_BYTES = 2**30


def enable_cache() -> None:
    """Keeps compiled programs and traces in the user's cache directory, the least recently used ones dropped.

    For programs to call, not for libraries: it changes jax's global settings. A folder that the user set
    for jax (JAX_COMPILATION_CACHE_DIR) stays in force.
    """
    if jax.config.values["jax_compilation_cache_dir"] is None:
        try:
            cache_folder("jax").mkdir(parents=True, exist_ok=True)
        except OSError:  # a home that cannot be written to: programs are compiled anew each time
            return
        jax.config.update("jax_compilation_cache_dir", str(cache_folder("jax")))
        jax.config.update("jax_compilation_cache_max_size", MAX_BYTES)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    keep_traces(cache_folder("traces"))
