"""Files and folders: atomic writes, the cache, temporary arrays."""
