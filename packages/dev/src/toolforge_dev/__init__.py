"""The whole platform on one machine, and the commands that run it."""

__version__ = "0.1.0"
