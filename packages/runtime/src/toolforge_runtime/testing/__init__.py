"""Working ports in memory, for tests of whatever stands on the ports.

The contract suites that every adapter must pass are beside it, in `runtime_contract`, `store_contract`
and `tenancy_contract`; they need pytest, which an installation of this package does not bring.
"""

from toolforge_runtime.testing.records import InMemoryStore
from toolforge_runtime.testing.tenants import InMemoryTenancy
from toolforge_runtime.testing.workloads import InMemoryRuntime

__all__ = ["InMemoryRuntime", "InMemoryStore", "InMemoryTenancy"]
