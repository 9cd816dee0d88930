"""Settings: what the environment may say, and how a mistake is refused."""

from pathlib import Path

import pytest

from bot.settings import SettingsError, read_settings


@pytest.fixture(autouse=True)
def _no_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder without `.env`, and none of this machine's variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("DISCORD_TOKEN", "EASEL_DATA_DIR", "EASEL_DEVICE", "EASEL_THREADS"):
        monkeypatch.delenv(name, raising=False)


def test_everything_has_a_default() -> None:
    settings = read_settings()
    assert settings.discord_token is None
    assert settings.resolved_database_url.endswith("easel.db")


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EASEL_DATA_DIR", str(tmp_path / "here"))
    assert read_settings().resolved_models_dir == tmp_path / "here" / "models"


def test_dotenv_is_read_and_a_pasted_line_break_is_forgiven(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text('DISCORD_TOKEN="abc\n"\n')
    token = read_settings().discord_token
    assert token is not None
    assert token.get_secret_value() == "abc"


def test_an_empty_token_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "  ")
    assert read_settings().discord_token is None


def test_a_token_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "very-secret")
    assert "very-secret" not in repr(read_settings())


@pytest.mark.parametrize(
    ("name", "value"), [("EASEL_DEVICE", "quantum"), ("EASEL_THREADS", "-1")], ids=str
)
def test_a_mistake_names_the_variable_and_the_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"{name}.*{value}"):
        read_settings()
