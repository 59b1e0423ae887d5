"""The local adapters keep the contracts of their ports."""

import pytest

from toolforge_runtime.local.store import LocalStore
from toolforge_runtime.testing.runtime_contract import RuntimeContract
from toolforge_runtime.testing.store_contract import StoreContract
from toolforge_runtime.testing.tenancy_contract import TenancyContract


class TestLocalStore(StoreContract):
    @pytest.fixture
    def store(self, state):
        store = LocalStore(state)
        yield store
        store.close()


class TestLocalTenancy(TenancyContract):
    """As root homes belong to the tools, for an ordinary user they do not; the suite runs as both."""

    @pytest.fixture
    def tenancy(self, tenancy):
        return tenancy


@pytest.mark.sandbox
class TestLocalRuntime(RuntimeContract):
    @pytest.fixture
    def runtime(self, local):
        return local
