"""Checkpoints: what can be drawn with, where it lies on disk, and what is in memory.

`catalog` and `download` are torch-free; `store` and `preview` are what the worker loads.
"""
