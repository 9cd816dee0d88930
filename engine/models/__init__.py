"""Checkpoints: what can be drawn with, where it lies on disk, and what is in memory.

`card`, `catalog`, `layout` and `download` are torch-free; the worker loads the rest. `unclip` and
`ip_adapter` make models draw from pictures, `captioner` writes what a picture shows.
"""
