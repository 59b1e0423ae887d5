"""What a command gets from its program: a console, the configuration, a way to the services.

Nothing is read and nothing connects before a command asks for it.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from toolforge_common import __version__
from toolforge_common.cli.api_client import ApiClient
from toolforge_common.cli.console import Console, Messages
from toolforge_common.cli.program import DEBUG, VERBOSE, Program
from toolforge_common.cli.transport import Gateway, Transport
from toolforge_common.config.account import Account, load_account
from toolforge_common.config.client import Config, GatewaySettings, load_config

P = ParamSpec("P")
R = TypeVar("R")
OpenTransport = Callable[[GatewaySettings, Account, str], Transport]


def open_gateway(gateway: GatewaySettings, account: Account, service: str) -> Transport:
    """Return the transport that everybody uses."""
    return Gateway(gateway.url, gateway.ca_file, account.credentials, service)


class Session:
    """One run of one program.

    `open_transport` is there for tests that put the service itself in the gateway's place.
    """

    def __init__(
        self, program: Program, console: Console, open_transport: OpenTransport = open_gateway
    ) -> None:
        self.console = console
        self.verbose = os.environ.get(VERBOSE) == "1"
        self.debug = os.environ.get(DEBUG) == "1"
        # Set by commands that print for a machine, so that nothing else gets between.
        self.prints_for_machines = False
        self._program = program
        self._open_transport = open_transport

    def switch_on(self, *, verbose: bool, debug: bool) -> None:
        """Take what the command line says besides the environment."""
        self.verbose = self.verbose or verbose
        self.debug = self.debug or debug

    @functools.cached_property
    def account(self) -> Account:
        """The tool's account. Raises NotAuthenticated if the machine does not know who the caller is."""
        return load_account()

    def config(self, section: str, kind: type) -> Config:
        """Return the configuration with the one section that the program knows, as `kind`."""
        return load_config(self._program.client_name, {section: kind})

    def api(self, config: Config, service: str, timeout: float) -> ApiClient:
        """Return a client for the service at the configured gateway."""
        return ApiClient(
            self._open_transport(config.gateway, self.account, service),
            service=service,
            user_agent=self._user_agent(),
            timeout=timeout,
            on_messages=self._show,
            on_trace=self._trace,
        )

    def _user_agent(self) -> str:
        place = f"{self.account.namespace}@{socket.gethostname()}"
        return f"{place}:{self._program.client_name} toolforge-common/{__version__}"

    def _show(self, messages: Messages) -> None:
        if messages.come_with_refusal or not self.prints_for_machines:
            self.console.messages(messages)

    def _trace(self, line: str) -> None:
        if self.verbose or self.debug:
            self.console.log("DEBUG", line)


def pass_session(command: Callable[Concatenate[Session, P], R]) -> Callable[P, R]:
    """Give the session to a command of Click's as its first argument."""
    import click  # noqa: PLC0415  where there are commands it is there; a hot line does without

    return click.make_pass_decorator(Session)(command)
