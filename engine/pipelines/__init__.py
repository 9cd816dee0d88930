"""From a request to pictures: one denoising loop over diffusers' models and schedulers.

The stock diffusers pipelines are the oracles of the tests: same weights, same seed, same picture.
"""
