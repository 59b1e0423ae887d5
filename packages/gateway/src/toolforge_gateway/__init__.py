"""The gateway: who may call what, and the front that asks."""

__version__ = "0.1.0"
