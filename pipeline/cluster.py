"""Many machines: the one adapter to Ray."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_ANSWER_S = 10.0


class ClusterError(RuntimeError):
    """The cluster cannot be used; the message says why."""


def on_ray(address: str) -> Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]:
    """A runner of tasks on a Ray cluster.

    The machines need this package and the same versions; what a task writes must lie where all
    of them reach it (a shared folder or an fsspec URL).

    Args:
        address: of the cluster (``ray://head:10001``, ``auto``), or ``local`` for one that is
            started on this machine and ends with the run.

    Returns:
        A function that takes a function and tasks and gives the results as they are done. Tasks
        are taken as there is room for them, so they may be made lazily.

    Raises:
        ClusterError: (when it runs) if no cluster answers.
    """

    def run(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        import ray

        _knock(address)
        try:
            # Workers of another machine must not be asked for this machine's environment.
            ray.init(
                address=address,  # "local" is Ray's own word for a cluster of its own
                include_dashboard=False if address == "local" else None,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ClusterError(
                f"no Ray cluster answers at {address!r}: {reason}; is it running, with the same "
                "version and token (RAY_AUTH_TOKEN) as here?"
            ) from error
        try:
            remote: Any = ray.remote(num_cpus=1, max_retries=3)(_alone).remote
            room = 2 * max(1, round(ray.cluster_resources().get("CPU", 1)))
            pending: list[Any] = []
            for task in tasks:
                pending.append(remote(function, task))
                if len(pending) >= room:
                    done, pending = ray.wait(pending)
                    yield from ray.get(done)
            while pending:
                done, pending = ray.wait(pending)
                yield from ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from error
        finally:
            ray.shutdown()

    return run


def _knock(address: str) -> None:
    """Ask whether anyone listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return  # "local", "auto": nothing to ask
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"no Ray cluster answers at {address!r}: {error}") from error


def _alone(function: Callable[[Task], Result], task: Task) -> Result:
    """One task with one thread: Ray counts on a processor for each."""
    import cv2

    cv2.setNumThreads(1)
    return function(task)
