"""Code that both frameworks share. It imports neither JAX nor torch, nor a package that is built on it."""
