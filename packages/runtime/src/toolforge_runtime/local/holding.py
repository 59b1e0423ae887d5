"""The workloads that the engine holds, found by tool and by pod without looking at all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from toolforge_common.names import ToolName
from toolforge_runtime.local.states import Pod, State

Key = tuple[ToolName, str]


class Holdings(Mapping[Key, State]):
    """States by tool and name. Whoever changes the pods of one says so with `note_pods`."""

    def __init__(self, states: Iterable[State]) -> None:
        self._states: dict[Key, State] = {}
        self._names: dict[ToolName, set[str]] = {}
        self._keys_of_pods: dict[str, Key] = {}
        self._pods_of_keys: dict[Key, frozenset[str]] = {}
        for state in states:
            self.add(state)

    def __getitem__(self, key: Key) -> State:
        """Return the state. Raises KeyError if there is none."""
        return self._states[key]

    def __iter__(self) -> Iterator[Key]:
        """Give all keys."""
        return iter(self._states)

    def __len__(self) -> int:
        """Return how many states there are."""
        return len(self._states)

    def of_tool(self, tool: ToolName) -> Sequence[State]:
        """Return the states of the tool, by name."""
        return [self._states[tool, name] for name in sorted(self._names.get(tool, ()))]

    def with_pod(self, pod_id: str) -> tuple[Key, State, Pod] | None:
        """Return the pod that has this id now, with its workload; None if there is none."""
        key = self._keys_of_pods.get(pod_id)
        if key is None:
            return None
        state = self._states[key]
        pod = next((pod for pod in state.pods if pod.id == pod_id), None)
        return None if pod is None else (key, state, pod)

    def add(self, state: State) -> None:
        """Hold another one."""
        tool, name = key = (state.workload.tool, state.workload.name)
        self._states[key] = state
        self._names.setdefault(tool, set()).add(name)
        self.note_pods(key)

    def remove(self, key: Key) -> None:
        """Hold it no longer."""
        tool, name = key
        self._find_no_more(key)
        del self._states[key]
        self._names[tool].remove(name)
        if not self._names[tool]:
            del self._names[tool]

    def note_pods(self, key: Key) -> None:
        """Find the pods that the workload has now, and no others."""
        ids = frozenset(pod.id for pod in self._states[key].pods)
        if ids != self._pods_of_keys.get(key):
            self._find_no_more(key)
            self._pods_of_keys[key] = ids
            self._keys_of_pods.update(dict.fromkeys(ids, key))

    def _find_no_more(self, key: Key) -> None:
        for pod_id in self._pods_of_keys.pop(key, ()):
            self._keys_of_pods.pop(pod_id, None)
