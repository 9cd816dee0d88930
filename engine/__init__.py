"""Pictures: the only package that knows torch and diffusers.

What other packages may import is torch-free: `engine.api`, `engine.images`, the catalog and the
download of `engine.models`, and `engine.executors`, which starts the processes that load torch.
"""
