"""The command line for Toolforge jobs."""

__version__ = "0.1.0"
