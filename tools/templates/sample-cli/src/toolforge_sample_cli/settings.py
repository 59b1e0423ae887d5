"""The section `sample` of the configuration."""

from __future__ import annotations

from typing import NamedTuple


class SampleSettings(NamedTuple):
    """What the sample program knows of the configuration.

    `sample_endpoint` is where the gateway has the sample service; `timeout` how many seconds an answer
    may take.
    """

    sample_endpoint: str = "/sample/v1"
    timeout: int = 20
