"""Normalizing flows one can watch: exact densities, live, layer by layer."""

__version__ = "0.1.0"
