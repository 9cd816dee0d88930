"""Pictures: the only package that knows torch and diffusers.

What other packages may import is torch-free: `engine.api` and `engine.models.catalog`; the
composition root may also import `engine.executors`, which starts the processes that load torch.
"""
