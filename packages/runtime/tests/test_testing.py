"""The ports in memory keep the contracts, too; so what is tested on them is tested on something true."""

import pytest

from toolforge_runtime.testing import InMemoryRuntime, InMemoryStore, InMemoryTenancy
from toolforge_runtime.testing.runtime_contract import RuntimeContract
from toolforge_runtime.testing.store_contract import StoreContract
from toolforge_runtime.testing.tenancy_contract import TenancyContract


class TestInMemoryStore(StoreContract):
    @pytest.fixture
    def store(self):
        return InMemoryStore()


class TestInMemoryTenancy(TenancyContract):
    @pytest.fixture
    def tenancy(self):
        return InMemoryTenancy()


class TestInMemoryRuntime(RuntimeContract):
    @pytest.fixture
    def runtime(self):
        tenancy = InMemoryTenancy()
        tenancy.create("demo")
        tenancy.create("other")
        return InMemoryRuntime(tenancy, runs_commands=True, heartbeat=0.05)

    def pass_time(self, runtime):
        runtime.advance(0.25)
