"""The device that a worker draws with: which one, how much memory, which precision.

One process draws with one device. Which GPU that is was decided before the process started, by the
environment that its executor gave it, so it is always the first one that torch can see.
"""

from __future__ import annotations

import gc
import platform
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What torch draws with."""

    torch_device: torch.device
    name: str
    """What its maker calls it."""
    memory_bytes: int
    count: int
    """Accelerators that this process can see."""
    dtype: torch.dtype
    """Precision of weights and activations; latents are float32 on every device."""

    @property
    def capacity_pixels(self) -> int:
        """How large a batch is worth drawing at once.

        A CPU gains a tenth from two grids of the built-in model, and nothing from more. A GPU is
        busy with four pictures of SDXL's size; it takes more where there is memory for them beside
        the models.
        """
        if self.torch_device.type == "cpu":
            return 8 * 128**2
        spare_bytes = self.memory_bytes - 16 * 2**30
        return 1024**2 * max(4, spare_bytes // (4 * 2**30))

    @property
    def label(self) -> str:
        """Return torch's name: `cpu`, `cuda:0`, `mps`."""
        return str(self.torch_device)

    def synchronize(self) -> None:
        """Wait until everything that was asked of the device is done."""
        if self.torch_device.type != "cpu":
            torch.accelerator.synchronize()


def find_device(*, cpu_only: bool = False) -> Device:
    """Return the accelerator that torch can see, else the CPU."""
    if cpu_only or not torch.accelerator.is_available():
        return Device(
            torch_device=torch.device("cpu"),
            name=_cpu_name(),
            memory_bytes=int(psutil.virtual_memory().total),
            count=0,
            dtype=torch.float32,
        )
    accelerator = torch.accelerator.current_accelerator()
    kind = accelerator.type if accelerator is not None else "cpu"
    if kind == "cuda":
        return _cuda()
    return Device(
        torch_device=torch.device(kind),
        name=f"{kind} on {_cpu_name()}",
        memory_bytes=int(psutil.virtual_memory().total),
        count=1,
        dtype=torch.float16,
    )


def _cuda() -> Device:
    properties = torch.cuda.get_device_properties(0)
    # bfloat16 has float32's range, so SDXL's autoencoder does not overflow in it as it does in
    # float16. Cards before Ampere only emulate it.
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return Device(
        torch_device=torch.device("cuda:0"),
        name=str(properties.name),
        memory_bytes=int(properties.total_memory),
        count=torch.cuda.device_count(),
        dtype=torch.bfloat16 if has_bfloat16 else torch.float16,
    )


def _cpu_name() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether a device, or the machine itself, had no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # The CPU's and Apple's allocators raise a plain RuntimeError.
    text = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text
    )


def is_device_failure(error: BaseException) -> bool:
    """Return whether the device itself failed, after which the process can do nothing with it."""
    return isinstance(error, torch.AcceleratorError) or (
        isinstance(error, RuntimeError) and "CUDA error" in str(error)
    )


def free_memory() -> None:
    """Give back what was allocated for tensors that are gone."""
    gc.collect()
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()
