"""The command line for Toolforge sample."""

__version__ = "0.1.0"
