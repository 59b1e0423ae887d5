"""Where a platform keeps everything, and where it listens. Light: every command imports this."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path

# The gateway's port is that of the reference, and so is the one for web traffic to tools.
GATEWAY_PORT = 30003
ROUTES_PORT = 30000

STATE_VARIABLE = "TOOLFORGE_STATE"


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What one platform is told when it starts.

    `state` is the state folder; `port` the gateway's on 127.0.0.1, `routes_port` that of published jobs;
    0 takes a free one. `ready` is the descriptor on which to tell the parent how the start went, None
    to tell the terminal.
    """

    state: Path
    port: int = GATEWAY_PORT
    routes_port: int = ROUTES_PORT
    ready: int | None = None

    def to_argument(self) -> str:
        """Return the settings as one argument of a command line."""
        return json.dumps({**dataclasses.asdict(self), "state": str(self.state)})

    @classmethod
    def from_argument(cls, text: str) -> Settings:
        """Return the settings that `to_argument` wrote."""
        values = json.loads(text)
        return cls(**{**values, "state": Path(values["state"])})


@dataclasses.dataclass(frozen=True, slots=True)
class Places:
    """The files of a state folder that people and commands look for."""

    state: Path

    @property
    def admin_socket(self) -> Path:
        """Where the running platform takes orders."""
        return self.state / "run" / "admin.sock"

    @property
    def lock(self) -> Path:
        """What the platform that has the folder holds open; says its process id."""
        return self.state / "run" / "lock"

    @property
    def description(self) -> Path:
        """What the running platform wrote about itself; a leftover after a crash."""
        return self.state / "run" / "platform.json"

    @property
    def log(self) -> Path:
        """The platform's log, JSON lines; older ones beside it with a number."""
        return self.state / "logs" / "platform.log"

    @property
    def errors(self) -> Path:
        """What the platform's process wrote besides its log: last words."""
        return self.state / "logs" / "platform.err"

    @property
    def gateway_ca(self) -> Path:
        """The certificate of the authority that vouches for the gateway; everybody may read it."""
        return self.state / "pki-public" / "gateway-ca.crt"


def find_state(environ: Mapping[str, str], uid: int, home: Path) -> Path:
    """Return the state folder: the one that the environment names, else the user's usual one."""
    named = environ.get(STATE_VARIABLE)
    if named:
        return Path(named).absolute()
    if uid == 0:
        return Path("/var/lib/toolforge")
    # The standard says that a relative path is to be ignored.
    base = Path(environ.get("XDG_STATE_HOME", ""))
    return (base if base.is_absolute() else home / ".local/state") / "toolforge"
