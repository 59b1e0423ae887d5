"""Tools on this machine: a number, a home folder, and a certificate of the tool authority.

As root a home belongs to the tool's own number. For an ordinary user all homes are the platform
user's, and tools are kept apart by what their pods can see.

The certificate of a tool is never older than the tool: its `not_before` is `created_at`, to the
second, and a name is given again only in a later second than the one it was freed in. So whoever
checks a certificate refuses it exactly if `certificate.not_valid_before_utc < tool.created_at`.
"""

from __future__ import annotations

import base64
import datetime
import os
import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import structlog
import yaml
from cryptography import x509

from toolforge_common.errors import Conflict, NotFound, Unavailable
from toolforge_common.names import ToolName, namespace_of, parse_tool_name
from toolforge_runtime.local import trees
from toolforge_runtime.local.pki import CertificateAuthority
from toolforge_runtime.local.sqlite import Database
from toolforge_runtime.local.state import StateFolder
from toolforge_runtime.ports import Tool

logger = structlog.get_logger(__name__)

HOME_MODE = 0o2770
RENEW_BEFORE = datetime.timedelta(days=30)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tools (
    name TEXT PRIMARY KEY,
    uid INTEGER NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    phase TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS freed (name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (uid INTEGER NOT NULL);
INSERT INTO counter SELECT 52000 WHERE NOT EXISTS (SELECT 1 FROM counter);
"""
# Phases: a tool that is not ready when the platform starts was left half made, or half removed.
_MAKING, _READY, _LEAVING = "making", "ready", "leaving"


_CLUSTER = "toolforge"
# A kubeconfig with some clusters more than ours is a tenth of this.
_LONGEST = 65536
# Stands for the gateway in the pattern of our own kubeconfig; then what may stand in its place.
_ANY_SERVER = "https://gateway.invalid"
_ADDRESS = rb"https?://[0-9A-Za-z.:\[\]-]+(?:\n    certificate-authority-data: [0-9A-Za-z+/=]+)?"


class LocalTenancy:
    """Implements `Tenancy`. `gateway_url` and `gateway_ca` (PEM) go into the tools' kubeconfig."""

    def __init__(
        self,
        state: StateFolder,
        authority: CertificateAuthority,
        gateway_url: str = "https://127.0.0.1:30003",
        gateway_ca: bytes = b"",
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._state = state
        self._authority = authority
        self._gateway_url = gateway_url
        self._gateway_ca = gateway_ca
        self._clock = clock
        self._sleep = sleep
        self._database = Database(state.db / "tenancy.sqlite3", _SCHEMA)
        self._tidy()
        self.renew_certificates()
        self._point_to_gateway()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def create(self, name: ToolName) -> Tool:
        """See `Tenancy.create`."""
        parse_tool_name(name)
        self._await_next_second(name)
        with self._database.transaction() as connection:
            tool = self._record(connection, name)
        try:
            self._make_home(tool)
        except OSError as error:
            self._remove(tool)
            raise Unavailable(
                f"the home of {name!r} cannot be made: {error.strerror}",
            ) from error
        with self._database.transaction() as connection:
            connection.execute("UPDATE tools SET phase = ? WHERE name = ?", (_READY, name))
        return tool

    def get(self, name: ToolName) -> Tool:
        """See `Tenancy.get`."""
        for tool in self._select("name = ? AND phase = ?", name, _READY):
            return tool
        raise _missing(name)

    def list(self) -> Sequence[Tool]:
        """See `Tenancy.list`."""
        return self._select("phase = ?", _READY)

    def set_enabled(self, name: ToolName, *, enabled: bool) -> Tool:
        """See `Tenancy.set_enabled`."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE tools SET enabled = ? WHERE name = ? AND phase = ?", (enabled, name, _READY)
            )
            return self.get(name)

    def delete(self, name: ToolName) -> None:
        """See `Tenancy.delete`. What still runs is stopped by the caller beforehand.

        Raises Unavailable if something keeps writing to the home; the tool is gone all the same, and
        the rest of its home goes when this is called again or the platform starts.
        """
        with self._database.transaction() as connection:
            found = self._select("name = ?", name)
            if not found:
                raise _missing(name)
            connection.execute("UPDATE tools SET phase = ? WHERE name = ?", (_LEAVING, name))
        self._remove(found[0])

    # --- records ----------------------------------------------------------------------------------

    def _record(self, connection: sqlite3.Connection, name: ToolName) -> Tool:
        uid = connection.execute("UPDATE counter SET uid = uid + 1 RETURNING uid - 1").fetchone()[0]
        created = int(self._clock())
        try:
            connection.execute(
                "INSERT INTO tools VALUES (?, ?, ?, 1, ?)", (name, uid, created, _MAKING)
            )
        except sqlite3.IntegrityError:
            raise Conflict(f"there is a tool named {name!r} already") from None
        if (self._state.tools / name).exists():
            raise Conflict(
                f"there is a folder {self._state.tools / name} that belongs to no tool",
                hint="move it away first",
            )
        return self._tool(name, uid, created, 1)

    def _select(self, condition: str, *values: object) -> Sequence[Tool]:
        rows = self._database.read(
            # The conditions are written in this module.
            f"SELECT name, uid, created_at, enabled FROM tools WHERE {condition} ORDER BY name",  # noqa: S608
            *values,
        )
        return [self._tool(*row) for row in rows]

    def _tool(self, name: object, uid: object, created: object, enabled: object) -> Tool:
        return Tool(
            name=ToolName(str(name)),
            uid=int(str(uid)),
            home=PurePosixPath(self._state.tools, str(name)),
            created_at=datetime.datetime.fromtimestamp(int(str(created)), datetime.UTC),
            enabled=bool(enabled),
        )

    def _await_next_second(self, name: ToolName) -> None:
        rows = self._database.read("SELECT at FROM freed WHERE name = ?", name)
        freed = int(str(rows[0][0])) if rows else -1
        while (now := self._clock()) < freed + 1:
            self._sleep(freed + 1 - now)

    def _tidy(self) -> None:
        for tool in self._select("phase <> ?", _READY):
            self._remove(tool)

    def _remove(self, tool: Tool) -> None:
        with trees.opened(self._state.tools) as tools:
            trees.remove_tree(_staging(tool), tools)
            try:
                # One step frees the name; what is left over has a name that nobody can ask for.
                os.rename(tool.name, _staging(tool), src_dir_fd=tools, dst_dir_fd=tools)
            except FileNotFoundError:
                pass  # It was never made, or has been moved before.
            else:
                trees.remove_tree(_staging(tool), tools)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM tools WHERE name = ?", (tool.name,))
            connection.execute(
                "INSERT OR REPLACE INTO freed VALUES (?, ?)", (tool.name, int(self._clock()))
            )

    # --- homes ------------------------------------------------------------------------------------

    def _make_home(self, tool: Tool) -> None:
        with trees.opened(self._state.tools) as tools:
            # Until it has its final name the folder is ours alone, so nobody can interfere.
            with trees.made(_staging(tool), tools, 0o700, os.geteuid()) as home:
                with trees.made("logs", home, HOME_MODE, tool.uid):
                    pass
                self._write_certificate(home, tool, tool.created_at)
                self._write_kubeconfig(home, tool)
                trees.give(home, HOME_MODE, tool.uid)
                os.fsync(home)
            os.rename(_staging(tool), tool.name, src_dir_fd=tools, dst_dir_fd=tools)
            os.fsync(tools)

    def _write_certificate(self, home: int, tool: Tool, not_before: datetime.datetime) -> None:
        pair = self._authority.issue_client(tool.name, not_before=not_before)
        with trees.made(".toolskube", home, 0o700, tool.uid) as folder:
            # Key first: a certificate without its key would look usable.
            trees.write_file("client.key", folder, pair.key, 0o400, tool.uid)
            trees.write_file("client.crt", folder, pair.certificate, 0o400, tool.uid)

    def _write_kubeconfig(self, home: int, tool: Tool) -> None:
        content = kubeconfig(tool.name, self._gateway_url, self._gateway_ca)
        with trees.made(".kube", home, 0o700, tool.uid) as folder:
            trees.write_file("config", folder, content.encode(), 0o600, tool.uid)

    def renew_certificates(self) -> None:
        """Give a new certificate to every tool whose own ends soon; for somebody to call once a day."""
        limit = datetime.datetime.fromtimestamp(self._clock(), datetime.UTC) + RENEW_BEFORE
        for tool in self.list():
            try:
                self._renew_certificate(tool, limit)
            except OSError as error:
                # Whatever a tool did to its home, the platform starts.
                logger.warning("certificate_not_renewed", tool=tool.name, reason=str(error))

    def _renew_certificate(self, tool: Tool, limit: datetime.datetime) -> None:
        with trees.opened(self._state.tools) as tools, trees.opened(tool.name, tools) as home:
            if _expires_before(home, limit):
                now = datetime.datetime.fromtimestamp(int(self._clock()), datetime.UTC)
                self._write_certificate(home, tool, max(now, tool.created_at))

    def _point_to_gateway(self) -> None:
        """Name the gateway's present address in the tools' kubeconfigs."""
        for tool in self.list():
            try:
                with (
                    trees.opened(self._state.tools) as tools,
                    trees.opened(tool.name, tools) as home,
                ):
                    self._update_kubeconfig(home, tool)
            except OSError as error:
                # Whatever a tool did to its home, the platform starts.
                logger.warning("kubeconfig_not_updated", tool=tool.name, reason=str(error))

    def _update_kubeconfig(self, home: int, tool: Tool) -> None:
        with trees.opened(".kube", home) as folder:
            present = _read(folder, "config")
            content = kubeconfig(tool.name, self._gateway_url, self._gateway_ca).encode()
            if content != present and is_as_written(present, tool.name):
                trees.write_file("config", folder, content, 0o600, tool.uid)


def kubeconfig(tool: ToolName, server: str, authority: bytes = b"") -> str:
    """Return the kubeconfig of a tool; the certificate's paths are relative to the file's folder."""
    user = f"tf-{tool}"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": _CLUSTER, "cluster": _cluster(server, authority)}],
        "contexts": [
            {
                "name": "toolforge",
                "context": {
                    "cluster": _CLUSTER,
                    "namespace": str(namespace_of(tool)),
                    "user": user,
                },
            }
        ],
        "current-context": "toolforge",
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate": "../.toolskube/client.crt",
                    "client-key": "../.toolskube/client.key",
                },
            }
        ],
    }
    return str(yaml.safe_dump(document, sort_keys=False))


def is_as_written(content: bytes, tool: ToolName) -> bool:
    """Say whether the kubeconfig is what `kubeconfig` writes, whatever the gateway and its authority.

    What a tool has changed is the tool's own. It is compared, never parsed: a parser of YAML can be
    kept busy by a small file, and the platform reads this one with all its rights.
    """
    written = re.escape(kubeconfig(tool, _ANY_SERVER).encode())
    server = re.escape(_ANY_SERVER.encode())
    return re.fullmatch(written.replace(server, _ADDRESS), content) is not None


def _cluster(server: str, authority: bytes) -> dict[str, str]:
    cluster = {"server": server}
    if authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    return cluster


def _read(folder: int, name: str) -> bytes:
    """Return what a file of the tool's says; it is never waited for, and no link is followed."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(_LONGEST)


def _expires_before(home: int, limit: datetime.datetime) -> bool:
    """Say whether the certificate in the home needs another; one that cannot be read does not.

    The tool may have replaced or removed it, which is its own affair.
    """
    try:
        with trees.opened(".toolskube", home) as folder:
            descriptor = os.open(
                "client.crt", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder
            )
            with os.fdopen(descriptor, "rb") as file:
                certificate = x509.load_pem_x509_certificate(file.read(65536))
    except (OSError, ValueError):
        return False
    return certificate.not_valid_after_utc < limit


def _staging(tool: Tool) -> str:
    # No tool's name begins with a dot, and no number is used twice.
    return f".{tool.uid}"


def _missing(name: ToolName) -> NotFound:
    return NotFound(f"there is no tool named {name!r}", hint="toolforge dev tool list")
