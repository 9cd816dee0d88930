"""Every sampler against the stock pipeline, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    LMSDiscreteScheduler,
    StableDiffusionXLPipeline,
    UniPCMultistepScheduler,
)

from engine.api import RequestError, Sampler
from engine.models.loading import LoadedModel
from engine.pipelines.samplers import new_scheduler
from engine.pipelines.schedule import Schedule, make_schedule
from tests.engine import tiny
from tests.engine.test_parity import (
    PROMPT,
    TOLERANCE,
    draw,
    draw_from,
    generators,
    gradient,
    request,
    variation,
)

# The classes and settings that diffusers' own table of AUTOMATIC1111's names has.
STOCK: dict[Sampler, tuple[Any, dict[str, Any]]] = {
    Sampler.EULER: (EulerDiscreteScheduler, {}),
    Sampler.EULER_A: (EulerAncestralDiscreteScheduler, {}),
    Sampler.HEUN: (HeunDiscreteScheduler, {}),
    Sampler.LMS: (LMSDiscreteScheduler, {}),
    Sampler.DDIM: (DDIMScheduler, {"clip_sample": False}),
    Sampler.DPM_2M: (DPMSolverMultistepScheduler, {}),
    Sampler.DPM_2M_KARRAS: (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    Sampler.DPM_SDE_KARRAS: (
        DPMSolverSDEScheduler,
        {"use_karras_sigmas": True, "noise_sampler_seed": [7, 8]},
    ),
    Sampler.UNIPC: (UniPCMultistepScheduler, {}),
    Sampler.LCM: (LCMScheduler, {}),
}
every_sampler = pytest.mark.parametrize("sampler", list(Sampler), ids=lambda sampler: sampler.name)


@pytest.fixture
def stock(tiny_folder: Path) -> StableDiffusionXLPipeline:
    pipeline = StableDiffusionXLPipeline.from_pretrained(tiny_folder, add_watermarker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@every_sampler
def test_a_sampler_draws_what_the_stock_pipeline_draws_with_it(
    tiny_model: LoadedModel, stock: StableDiffusionXLPipeline, sampler: Sampler
) -> None:
    kind, settings = STOCK[sampler]
    stock.scheduler = kind.from_config(stock.scheduler.config, **settings)
    expected = stock(
        [PROMPT] * 2,
        height=tiny.SIZE,
        width=tiny.SIZE,
        num_inference_steps=6,
        guidance_scale=4.0,
        output_type="np",
        generator=generators(2),
    ).images
    drawn = draw(tiny_model, request(denoising_end=1.0, sampler=sampler))
    assert np.abs(drawn - expected).max() < TOLERANCE


@every_sampler
def test_a_batch_is_its_single_pictures_and_a_seed_repeats(
    tiny_model: LoadedModel, sampler: Sampler
) -> None:
    asked = request(sampler=sampler, num_inference_steps=4)
    together = draw(tiny_model, asked)
    for index in range(2):
        alone = draw(tiny_model, asked, [asked.seed_of(index)])
        assert np.abs(together[index] - alone[0]).max() < TOLERANCE
    assert np.array_equal(together, draw(tiny_model, asked))


@every_sampler
def test_a_sampler_draws_from_a_picture(tiny_model: LoadedModel, sampler: Sampler) -> None:
    drawn = draw_from(tiny_model, variation(sampler=sampler), gradient())
    assert np.isfinite(drawn).all()


def noise_levels(schedule: Schedule, *, of_refiner: bool) -> list[float]:
    """Return the noise levels that an expert's steps begin and end at."""
    share = schedule.refiner if of_refiner else schedule.base
    assert share is not None
    begin = share.scheduler.begin_index
    levels: list[float] = share.scheduler.sigmas[begin : begin + len(share.timesteps) + 1].tolist()
    return levels


@every_sampler
@pytest.mark.parametrize("denoising_end", [0.8, 0.55, 0.3])
def test_the_refiner_goes_on_where_the_base_model_ends(
    tiny_model: LoadedModel, sampler: Sampler, denoising_end: float
) -> None:
    asked = request(sampler=sampler, denoising_end=denoising_end, num_inference_steps=9)
    schedule = make_schedule(tiny_model, asked, seeds=[7, 8])
    whole = make_schedule(
        tiny_model,
        request(sampler=sampler, denoising_end=1.0, num_inference_steps=9),
        seeds=[7, 8],
    )
    assert schedule.refiner is not None
    timesteps = torch.cat([schedule.base.timesteps, schedule.refiner.timesteps])
    assert torch.equal(timesteps, whole.base.timesteps)
    # The refiner takes over at the first step below the cut: what begins above it, the base ends.
    order = schedule.base.scheduler.order
    cutoff = round(1000 - denoising_end * 1000)
    assert (schedule.base.timesteps[::order] >= cutoff).all()
    assert (schedule.refiner.timesteps < cutoff).all()
    assert len(schedule.base.timesteps) % order == 0
    if hasattr(schedule.base.scheduler, "sigmas"):
        handed_over = noise_levels(schedule, of_refiner=False)[-1]
        assert noise_levels(schedule, of_refiner=True)[0] == handed_over


@every_sampler
def test_what_a_model_was_trained_with_is_kept(sampler: Sampler) -> None:
    template = EulerDiscreteScheduler.from_config(
        tiny.build_scheduler().config,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )
    scheduler = new_scheduler(template, sampler, seeds=[7])
    scheduler.set_timesteps(10)
    assert scheduler.config.prediction_type == "v_prediction"
    # Some find it by a logarithm, which processors round differently.
    assert float(scheduler.timesteps[0]) == pytest.approx(999, abs=1e-3)
    if sampler is not Sampler.HEUN:  # its first step must have an end
        assert scheduler.alphas_cumprod[-1] < 1e-7
        expected = template.alphas_cumprod[:-1]
        assert torch.allclose(scheduler.alphas_cumprod[:-1], expected, rtol=1e-3)


def test_lcm_takes_no_more_steps_than_its_schedule_has() -> None:
    request(sampler=Sampler.LCM, num_inference_steps=50)
    with pytest.raises(RequestError, match="51 is outside 1 to 50"):
        request(sampler=Sampler.LCM, num_inference_steps=51)
