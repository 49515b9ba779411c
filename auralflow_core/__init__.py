"""The ground that both frameworks share: numpy-level code that imports no framework and no package above it."""
