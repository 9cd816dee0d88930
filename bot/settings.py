"""What the owner may set, read once from the environment and `.env`.

The only place that reads the environment. Everything has a default that works on a laptop.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """A setting cannot be used; the message names the variable and says what to write instead."""


class Settings(BaseSettings):
    """One owner's choices. The name of a variable is `EASEL_` and the field in capitals."""

    model_config = SettingsConfigDict(
        env_prefix="EASEL_", env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True
    )

    discord_token: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("discord_token", "DISCORD_TOKEN")
    )
    """The bot's token. Without one, Easel opens a local channel in the browser."""
    data_dir: Path = Field(default_factory=lambda: user_data_path("easel", appauthor=False))
    """Where the database, the pictures and pulled models live."""
    database_url: str | None = None
    """SQLAlchemy's URL of the database; by default SQLite in the data folder."""
    blobs_url: str | None = None
    """Where pictures are kept: a folder, or an object store's URL (s3://...); by default the data
    folder. What its database does not name is deleted in time, so it is for one database alone."""
    models_dir: Path | None = None
    """Where `easel models pull` puts checkpoints; by default the data folder."""
    catalog: Path | None = None
    """A TOML file with models of the owner's own."""
    model: str = "auto"
    """The model that draws when a prompt names none."""
    device: Literal["auto", "cpu"] = "auto"
    """`auto` takes every GPU, or the CPU where there is none; `cpu` leaves the GPUs alone."""
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    """CPU threads of a worker; 0 takes all cores."""
    playground_port: Annotated[int, Field(ge=0, le=65535)] = 8700
    """Port of the local channel on 127.0.0.1; 0 takes a free one, as does a port in use."""
    lease_seconds: Annotated[float, Field(ge=1, le=600)] = 15
    """How long a dispatcher that fell silent keeps others from taking over its jobs."""
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 20
    """How long a stop waits for what is being drawn; what is not done by then is queued again."""
    max_waiting: Annotated[int, Field(ge=1, le=1000)] = 500
    """How many jobs may wait in all."""
    max_waiting_per_server: Annotated[int, Field(ge=1, le=1000)] = 200
    """How many jobs of one server may wait."""
    max_waiting_per_user: Annotated[int, Field(ge=1, le=1000)] = 40
    """How many jobs of one person may wait."""
    max_running_per_user: Annotated[int, Field(ge=1, le=64)] = 2
    """How many devices may draw for one person at once."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("discord_token")
    @classmethod
    def _strip_token(cls, token: SecretStr | None) -> SecretStr | None:
        # A token pasted with its line break is the commonest mistake of a first start.
        stripped = token.get_secret_value().strip() if token else ""
        return SecretStr(stripped) if stripped else None

    @property
    def resolved_database_url(self) -> str:
        """The database's URL with the default filled in."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'easel.db'}"

    @property
    def resolved_blobs_url(self) -> str:
        """The blob store's URL or folder with the default filled in."""
        return self.blobs_url or str(self.data_dir / "pictures")

    @property
    def resolved_models_dir(self) -> Path:
        """The models' folder with the default filled in."""
        return self.models_dir or self.data_dir / "models"


def read_settings(**overrides: object) -> Settings:
    """Read the environment and `.env`; arguments of the command line win. Raises SettingsError."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        variable = name if name == "DISCORD_TOKEN" else f"EASEL_{name}"
        raise SettingsError(f"{variable}: {first['msg']}. Got {first['input']!r}.") from error
