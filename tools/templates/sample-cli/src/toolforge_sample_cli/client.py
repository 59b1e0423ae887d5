"""The sample service as the program sees it: one method per operation, plain values in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from toolforge_common.cli.api_client import ApiClient
from toolforge_common.cli.session import Session
from toolforge_sample_cli.settings import SampleSettings


class Item(NamedTuple):
    """Something that the tool keeps under a name."""

    name: str
    value: str


class SampleClient:
    """The items of one tool."""

    def __init__(self, api: ApiClient, prefix: str) -> None:
        self._api = api
        self._prefix = prefix

    @classmethod
    def open(cls, session: Session) -> SampleClient:
        """Return the client for the tool of the session. Nothing connects yet."""
        config = session.config("sample", SampleSettings)
        settings = config.section(SampleSettings)
        prefix = f"{settings.sample_endpoint.rstrip('/')}/tool/{session.account.tool}/sample"
        return cls(session.api(config, "sample", settings.timeout), prefix)

    def list(self) -> Sequence[Item]:
        """Return all items of the tool."""
        answer = self._api.get(self._prefix)
        return [Item(wire["name"], wire["value"]) for wire in answer["sample"]]
