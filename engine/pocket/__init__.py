"""The built-in miniature SDXL model: how it is made. Its weights lie in `weights/`."""
