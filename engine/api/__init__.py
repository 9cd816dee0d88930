"""The engine's face: what may be asked of it, what it answers, and who can carry that out.

Torch-free on purpose: the bot imports this package, and a bot process never loads torch. Requests,
answers and events are frozen `msgspec` structs of plain values, so the same classes are the
arguments of a call, the frames between two processes and the JSON that is stored with a job and
drawn again on a re-roll years later.

Errors::

    RequestError        a request that no engine could draw: names the field, the value, the range
"""

from engine.api.answers import (
    Answer,
    Described,
    Shortened,
    WordWeight,
    answer_from_json,
    answer_to_json,
)
from engine.api.checks import (
    MAX_PROMPT_CHARACTERS,
    RequestError,
)
from engine.api.conditions import (
    MAX_IMAGE_PROMPTS,
    MAX_IMAGE_WEIGHT,
    MAX_LORA_WEIGHT,
    MAX_LORAS,
    ImageCondition,
    LoraWeight,
    WeightedImage,
)
from engine.api.events import (
    ENDS,
    Cancelled,
    Event,
    Failed,
    FailureKind,
    Finished,
    Idle,
    JobEvent,
    Lost,
    Picture,
    Progress,
    Started,
    WorkItem,
)
from engine.api.executor import Executor, Slot
from engine.api.requests import (
    MAX_CANDIDATES,
    MAX_CLIP_SKIP,
    MAX_IMAGES,
    MAX_LCM_STEPS,
    MAX_SEED,
    MAX_SIDE,
    REQUEST_VERSION,
    SIDE_STEP,
    Describe,
    DrawingRequest,
    ImageToImage,
    Request,
    Sampler,
    Shorten,
    TextToImage,
    batch_key,
    request_from_json,
    request_to_json,
)

__all__ = [
    "ENDS",
    "MAX_CANDIDATES",
    "MAX_CLIP_SKIP",
    "MAX_IMAGES",
    "MAX_IMAGE_PROMPTS",
    "MAX_IMAGE_WEIGHT",
    "MAX_LCM_STEPS",
    "MAX_LORAS",
    "MAX_LORA_WEIGHT",
    "MAX_PROMPT_CHARACTERS",
    "MAX_SEED",
    "MAX_SIDE",
    "REQUEST_VERSION",
    "SIDE_STEP",
    "Answer",
    "Cancelled",
    "Describe",
    "Described",
    "DrawingRequest",
    "Event",
    "Executor",
    "Failed",
    "FailureKind",
    "Finished",
    "Idle",
    "ImageCondition",
    "ImageToImage",
    "JobEvent",
    "LoraWeight",
    "Lost",
    "Picture",
    "Progress",
    "Request",
    "RequestError",
    "Sampler",
    "Shorten",
    "Shortened",
    "Slot",
    "Started",
    "TextToImage",
    "WeightedImage",
    "WordWeight",
    "WorkItem",
    "answer_from_json",
    "answer_to_json",
    "batch_key",
    "request_from_json",
    "request_to_json",
]
