import atexit
import os
import shutil
import signal
import tempfile

# Read by jax when it is imported, here and in the processes that tests start.
# Unoptimised machine code for XLA's own loops: small programs that run once compile in a quarter of the time.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
# What is compiled once is compiled for the whole session.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="auralflow-tests-")
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
# A shell that starts the tests in the background makes them, and all that they start, deaf to Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
