"""Models in repositories of the Hugging Face Hub."""
