"""Requests that are answered with words: what a picture shows, and what matters in a prompt."""

from engine.words.reader import Reader, Reading

__all__ = ["Reader", "Reading"]
