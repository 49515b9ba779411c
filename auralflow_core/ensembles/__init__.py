"""Ensembles and chains: several models that separate as one."""
