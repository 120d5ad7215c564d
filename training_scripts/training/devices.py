"""What computes: the device, its number type, and the processes that train together."""

from __future__ import annotations

import ctypes
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
"""glibc, malloc.h."""


@dataclass(frozen=True)
class World:
    """The training processes, one per device, over all instances."""

    rank: int
    size: int
    device: Any
    """torch.device of this process."""

    @property
    def is_main(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    def sum(self, tensor: Any) -> None:
        """Replace `tensor` by its sum over all processes."""
        if self.size > 1:
            import torch.distributed as distributed

            distributed.all_reduce(tensor)

    def wait(self) -> None:
        """Return when every process has come this far."""
        if self.size > 1:
            import torch.distributed as distributed

            distributed.barrier()

    def close(self) -> None:
        """Leave the group."""
        if self.size > 1:
            import torch.distributed as distributed

            distributed.destroy_process_group()


def join_world(environment: Mapping[str, str]) -> World:
    """Return this process's place, as `torchrun` says it in `RANK`, `WORLD_SIZE`, `LOCAL_RANK`."""
    import torch

    size = int(environment.get("WORLD_SIZE", "1"))
    rank = int(environment.get("RANK", "0"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(environment.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if size > 1:
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return World(rank, size, device)


def compute_dtype(*, bf16: bool, device: Any) -> Any:
    """Return bfloat16 where asked for and fast on `device`, else float32."""
    import torch

    if not bf16:
        return torch.float32
    if device.type == "cuda":
        # Emulated, as on a T4, it is slower than float32.
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = _cpu_has_bf16()
    return torch.bfloat16 if fast else torch.float32


def keep_freed_memory() -> None:
    """Have malloc keep what is freed: giving it back costs a page fault per 4 kB at each step."""
    if platform.libc_ver()[0] != "glibc":
        return
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
    mallopt(_M_TOP_PAD, 64 << 20)


def _cpu_has_bf16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    if not cpuinfo.is_file():
        return False
    for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith(("flags", "Features")):
            return bool({"amx_bf16", "avx512_bf16", "bf16"} & set(line.split()))
    return False
