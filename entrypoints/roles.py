"""The roles that a process may have; any number of processes may share each."""

from typing import Literal

Role = Literal["api", "gateway", "worker"]
ROLES: tuple[Role, ...] = ("api", "gateway", "worker")
