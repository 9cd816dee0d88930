"""Pulling a model from a hub on loopback, by the real huggingface_hub."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.models.catalog import Catalog
from engine.models.download import PullError, pull, snapshots
from engine.models.layout import PULLING, locate
from tests.engine import tiny

ROOT = Path(__file__).parent.parent.parent
COMMIT = "0123456789abcdef0123456789abcdef01234567"

SDXL_BASE_FILES = """
.gitattributes 01.png LICENSE.md README.md comparison.png model_index.json pipeline.png
scheduler/scheduler_config.json sd_xl_base_1.0.safetensors sd_xl_base_1.0_0.9vae.safetensors
sd_xl_offset_example-lora_1.0.safetensors text_encoder/config.json
text_encoder/flax_model.msgpack text_encoder/model.fp16.safetensors text_encoder/model.onnx
text_encoder/model.safetensors text_encoder/openvino_model.bin text_encoder_2/config.json
text_encoder_2/model.fp16.safetensors text_encoder_2/model.safetensors tokenizer/merges.txt
tokenizer/special_tokens_map.json tokenizer/tokenizer_config.json tokenizer/vocab.json
tokenizer_2/merges.txt tokenizer_2/vocab.json unet/config.json
unet/diffusion_pytorch_model.fp16.safetensors unet/diffusion_pytorch_model.safetensors
unet/model.onnx_data vae/config.json vae/diffusion_pytorch_model.fp16.safetensors
vae/diffusion_pytorch_model.safetensors vae_1_0/diffusion_pytorch_model.fp16.safetensors
vae_decoder/model.onnx vae_encoder/model.onnx
"""


def fetched(part: str) -> set[str]:
    """Which files of a repository like SDXL's own are asked for."""
    patterns = snapshots(Catalog.load()["sdxl"], Path("/models"))[part]["allow_patterns"]
    return {
        name
        for name in SDXL_BASE_FILES.split()
        if any(fnmatch(name, pattern) for pattern in patterns)
    }


def test_the_base_is_fetched_in_half_precision_and_nothing_twice() -> None:
    weights = {name for name in fetched("base") if name.endswith(".safetensors")}
    assert weights == {
        "text_encoder/model.fp16.safetensors",
        "text_encoder_2/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "vae/diffusion_pytorch_model.fp16.safetensors",
    }
    assert {"LICENSE.md", "model_index.json", "tokenizer/vocab.json"} <= fetched("base")
    assert not any(name.endswith((".bin", ".onnx", ".msgpack", ".png")) for name in fetched("base"))


def test_of_the_refiner_only_what_it_does_not_share_is_fetched() -> None:
    assert fetched("refiner") == {
        "LICENSE.md",
        "model_index.json",
        "scheduler/scheduler_config.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    }


@pytest.mark.parametrize(
    ("model", "files", "others"),
    [
        (
            "unclip",
            {
                "model_index.json",
                "unet/diffusion_pytorch_model.fp16.safetensors",
                "image_encoder/model.fp16.safetensors",
                "image_normalizer/diffusion_pytorch_model.fp16.safetensors",
                "image_noising_scheduler/scheduler_config.json",
                "feature_extractor/preprocessor_config.json",
            },
            {"unet/diffusion_pytorch_model.safetensors", "image_encoder/pytorch_model.bin"},
        ),
        (
            "ip-adapter-sdxl",
            {
                "sdxl_models/ip-adapter-plus_sdxl_vit-h.safetensors",
                "sdxl_models/ip-adapter-plus-face_sdxl_vit-h.safetensors",
                "models/image_encoder/config.json",
                "models/image_encoder/model.safetensors",
            },
            {
                "sdxl_models/ip-adapter_sdxl.safetensors",
                "sdxl_models/image_encoder/model.safetensors",
                "models/ip-adapter_sd15.safetensors",
                "models/image_encoder/pytorch_model.bin",
            },
        ),
        (
            "blip",
            {"config.json", "model.safetensors", "tokenizer.json", "preprocessor_config.json"},
            {"pytorch_model.bin", "tf_model.h5"},
        ),
    ],
)
def test_of_what_reads_pictures_only_what_is_loaded_is_fetched(
    model: str, files: set[str], others: set[str]
) -> None:
    patterns = snapshots(Catalog.load()[model], Path("/models"))["base"]["allow_patterns"]
    assert {
        name for name in files | others if any(fnmatch(name, pattern) for pattern in patterns)
    } == files


def test_base_and_refiner_lie_beside_each_other() -> None:
    parts = snapshots(Catalog.load()["sdxl"], Path("/models"))
    assert {name: part["local_dir"] for name, part in parts.items()} == {
        "base": Path("/models/sdxl/base"),
        "refiner": Path("/models/sdxl/refiner"),
    }


def test_a_model_that_is_not_on_the_hub_is_not_pulled(tmp_path: Path) -> None:
    with pytest.raises(PullError, match="nothing to fetch"):
        pull(Catalog.load()["pocket"], tmp_path, lambda *_: None)


class Hub(ThreadingHTTPServer):
    """As much of the hub's interface as a download takes."""

    daemon_threads = True
    folder: Path
    asked: set[str]


class HubHandler(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        if path.startswith("api/models/"):
            self._answer_listing(path.split("/"))
        elif path.count("/") < 4:
            self._answer(b"", {}, status=404)
        else:
            organisation, name, _, _, file = path.split("/", 4)
            self._answer_file(self.server.folder / organisation / name / file)

    def _answer_listing(self, parts: list[str]) -> None:
        repo_id = "/".join(parts[2:4])
        folder = self.server.folder / repo_id
        if not folder.exists():
            self._answer(b"{}", {"X-Error-Code": "RepoNotFound"}, status=404)
            return
        files = [file for file in sorted(folder.rglob("*")) if file.is_file()]
        names = {str(file.relative_to(folder)): file.stat().st_size for file in files}
        answer: Any = {"id": repo_id, "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
        if "tree" in parts:
            answer = [
                {"type": "file", "path": name, "size": size, "oid": COMMIT}
                for name, size in names.items()
            ]
        self._answer(json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _answer_file(self, file: Path) -> None:
        if self.command == "GET":
            self.server.asked.add(str(file.relative_to(self.server.folder)))
        data = file.read_bytes()
        tag = hashlib.sha256(data).hexdigest()
        self._answer(data, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def _answer(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    base = tiny.build_base()
    base.save_pretrained(tmp_path / "hub/easel/tiny-base", variant="fp16")
    refiner = tiny.build_refiner(base)
    refiner.save_pretrained(tmp_path / "hub/easel/tiny-refiner", variant="fp16")
    (tmp_path / "hub/easel/tiny-base/unet/pickled.bin").write_bytes(b"not for us")
    server = Hub(("127.0.0.1", 0), HubHandler)
    server.folder, server.asked = tmp_path / "hub", set()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


SCRIPT = """
import sys
from pathlib import Path
from engine.models.card import ModelCard
from engine.models.download import pull, PullError
card = ModelCard(name="tiny", title="Tiny", license="MIT", source="hub", variant="fp16",
    base="easel/" + sys.argv[2], refiner="easel/tiny-refiner", has_refiner=True, sizes=((64, 64),))
try:
    print(pull(card, Path(sys.argv[1]), lambda done, total: print(done, total)))
except PullError as error:
    print("PullError:", error)
"""


def pull_from(hub: Hub, models_dir: Path, base: str) -> list[str]:
    """Pull in a process of its own: the hub's address is read when its library is imported."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(models_dir / "cache"),
        "NO_PROXY": "127.0.0.1",
    }
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(models_dir), base],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.splitlines()


def test_a_pulled_model_is_complete_and_draws(tmp_path: Path, hub: Hub) -> None:
    *progress, folder = pull_from(hub, tmp_path / "models", "tiny-base")
    assert folder == str(tmp_path / "models/tiny/base")
    assert not (tmp_path / "models/tiny" / PULLING).exists()
    done, total = map(int, progress[-1].split())
    assert done == total > 10_000_000
    assert "easel/tiny-base/unet/pickled.bin" not in hub.asked
    assert "easel/tiny-refiner/vae/config.json" not in hub.asked
    card = tiny.make_card(Path(folder), variant="fp16")
    from engine.models.loading import load_model

    assert load_model(card, Path(folder), tiny.cpu()).refiner is not None


def test_a_repository_that_is_not_there_is_an_error(tmp_path: Path, hub: Hub) -> None:
    (answer,) = pull_from(hub, tmp_path / "models", "nobody")
    assert answer == "PullError: There is no repository 'easel/nobody' on the hub."
    assert (tmp_path / "models/tiny" / PULLING).exists()


def test_what_is_complete_stays_in_use_where_a_pull_fails(tmp_path: Path, hub: Hub) -> None:
    for part in ("base", "refiner"):
        shutil.copytree(tmp_path / f"hub/easel/tiny-{part}", tmp_path / "models/tiny" / part)
    (tmp_path / "models/tiny/base/.cache").write_text("a file where a folder should be")
    *_, answer = pull_from(hub, tmp_path / "models", "tiny-base")
    assert answer.startswith("PullError: easel/tiny-base could not be fetched")
    card = tiny.make_card(Path("easel/tiny-base"), source="hub", refiner="easel/tiny-refiner")
    assert locate(card, tmp_path / "models") == tmp_path / "models/tiny/base"
