"""Models as programs for other runtimes: their descriptions, and those that run here without a framework."""
