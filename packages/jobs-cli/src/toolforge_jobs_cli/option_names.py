"""What the service says about fields of a request, said about the options that people typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from toolforge_common.errors import ToolforgeError

_OPTIONS: Mapping[str, str] = {
    "name": "NAME",
    "cmd": "--command",
    "imagename": "--image",
    "memory": "--mem",
    "cpu": "--cpu",
    "schedule": "--schedule",
    "timeout": "--timeout",
    "retry": "--retry",
    "replicas": "--replicas",
    "port": "--port",
    "port_protocol": "--port",
    "publish": "--publish",
    "emails": "--emails",
    "mount": "--mount",
    "filelog": "--filelog",
    "filelog_stdout": "--filelog-stdout",
    "filelog_stderr": "--filelog-stderr",
    "health_check.script": "--health-check-script",
    "health_check.path": "--health-check-http",
}
# The service begins with the field that it speaks of; other validators put its place before.
_FIELD = re.compile(r"(?:body\.)?(?P<field>[a-z_.]+)(?=[ :])")


@contextmanager
def told_about_options() -> Iterator[None]:
    """Have refusals within speak of options instead of fields."""
    try:
        yield
    except ToolforgeError as error:
        error.message = translated(error.message)
        error.args = (error.message,)
        error.details = tuple(map(translated, error.details))
        raise


def translated(text: str) -> str:
    """Return the text with the option in the place of the field that it begins with."""
    found = _FIELD.match(text)
    if found is None or found["field"] not in _OPTIONS:
        return text
    return _OPTIONS[found["field"]] + text[found.end() :]
