"""Working ports in memory, for tests of whatever stands on the ports.

The contract suites that every adapter must pass are in `toolforge_runtime.testing.contracts`, which
needs pytest.
"""

from toolforge_runtime.testing.records import InMemoryStore
from toolforge_runtime.testing.tenants import InMemoryTenancy
from toolforge_runtime.testing.workloads import InMemoryRuntime

__all__ = ["InMemoryRuntime", "InMemoryStore", "InMemoryTenancy"]
