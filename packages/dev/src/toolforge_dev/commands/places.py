"""Which platform a command is about."""

from __future__ import annotations

import os
from pathlib import Path

from toolforge_dev.admin_client import AdminClient
from toolforge_dev.settings import Places, find_state


def own_state() -> Path:
    """Return the state folder of whoever runs the command."""
    return find_state(os.environ, os.geteuid(), Path.home())


def own_platform() -> AdminClient:
    """Return a client for the platform in that folder."""
    return AdminClient(Places(own_state()))
