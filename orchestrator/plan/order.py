"""Steps in an order in which each follows what it reads, or the cycle that forbids one."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Edges = dict[str, tuple[str, ...]]


def order_steps(dependencies: Mapping[str, Iterable[str]]) -> tuple[tuple[str, ...], Edges]:
    """Return names in topological order, and what is left where cycles forbid an order.

    Among steps that could come next, the one written first does, so that the order is stable.

    Args:
        dependencies: Each name, in the order written, to the names that come before it.

    Returns:
        The order, and the dependencies among the names that no order can hold; empty if none.
    """
    position = {name: index for index, name in enumerate(dependencies)}
    names = list(dependencies)
    waiting = {name: len(set(needed)) for name, needed in dependencies.items()}
    readers: dict[str, list[str]] = {name: [] for name in names}
    for name, needed in dependencies.items():
        for other in set(needed):
            readers[other].append(name)
    ready = [position[name] for name, count in waiting.items() if count == 0]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        order.append(name)
        for reader in readers[name]:
            waiting[reader] -= 1
            if waiting[reader] == 0:
                heapq.heappush(ready, position[reader])
    done = set(order)
    left = {
        name: tuple(other for other in dict.fromkeys(needed) if other not in done)
        for name, needed in dependencies.items()
        if name not in done
    }
    return tuple(order), left


def find_cycles(left: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return cycles that share no step, each as `(a, b, a)`: a reads b, b reads a.

    Args:
        left: As `order_steps` returns it: every name has at least one dependency in it.
    """
    cycles: list[tuple[str, ...]] = []
    done: set[str] = set()
    for start in left:
        path: dict[str, None] = {}
        name = start
        while name not in done and name not in path:
            path[name] = None
            name = left[name][0]
        if name not in done:
            walked = list(path)
            cycles.append((*walked[walked.index(name) :], name))
        done.update(path)
    return tuple(cycles)
