from __future__ import annotations

import pytest
import torch

from engine.devices import find_device, free_memory, is_device_failure, is_out_of_memory


@pytest.mark.parametrize(
    ("error", "out_of_memory", "device_failure"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), True, False),
        (MemoryError(), True, False),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True, False),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), True, False),
        (torch.AcceleratorError("CUDA error: an illegal memory access"), False, True),
        (RuntimeError("CUDA error: device-side assert triggered"), False, True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False, False),
        (ValueError("out of memory"), False, False),
    ],
    ids=str,
)
def test_errors_are_told_apart(
    error: BaseException, out_of_memory: bool, device_failure: bool
) -> None:
    assert is_out_of_memory(error) is out_of_memory
    assert is_device_failure(error) is device_failure


def test_the_cpus_own_out_of_memory_is_one() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_the_cpu_is_a_device() -> None:
    device = find_device(cpu_only=True)
    assert device.label == "cpu"
    assert device.name
    assert device.memory_bytes > 2**28
    assert device.dtype == torch.float32
    assert device.count == 0
    device.synchronize()
    free_memory()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_a_device() -> None:
    device = find_device()
    assert device.label == "cuda:0"
    assert device.count >= 1
    assert device.dtype in {torch.bfloat16, torch.float16}
