"""What goes wrong with models.

Errors::

    ModelError              a model that cannot be loaded; the sentence says what to do about it
"""


class ModelError(RuntimeError):
    """A model that cannot be loaded."""
