"""A headless Chromium over its DevTools protocol, driven as a person would drive it.

async with Browser() as browser:
    await browser.goto(url)
    await browser.type("/imagine a red apple")
    await browser.press("Enter")
    await browser.wait_for(".message img")
    await browser.screenshot(path)
    assert browser.errors == []
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import signal
import tempfile
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest

CHROMIUM = Path("/usr/bin/chromium")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_MODIFIERS = {"Alt": 1, "Control": 2, "Meta": 4, "Shift": 8}
_KEYS = {
    "Enter": (13, "\r"),
    "Tab": (9, ""),
    "Escape": (27, ""),
    "Backspace": (8, ""),
    " ": (32, " "),
}
_KEYS |= {"ArrowLeft": (37, ""), "ArrowUp": (38, ""), "ArrowRight": (39, ""), "ArrowDown": (40, "")}

requires_chromium = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"LOUD SKIP: no {CHROMIUM}: the page is not tested at all"
)


class Browser:
    """One tab of a fresh profile."""

    def __init__(self, *, width: int = 1280, height: int = 800, is_dark: bool = False) -> None:
        self.errors: list[str] = []
        """What the page logged as an error, threw, or was refused by its own policy."""
        self.requested: list[str] = []
        """Every address the page asked for."""
        self._size = (width, height)
        self._is_dark = is_dark
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._exits = AsyncExitStack()
        self._socket: aiohttp.ClientWebSocketResponse

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            folder = exits.enter_context(
                tempfile.TemporaryDirectory(prefix="easel-browser-", ignore_cleanup_errors=True)
            )
            process = await asyncio.create_subprocess_exec(
                CHROMIUM,
                *_FLAGS,
                f"--user-data-dir={folder}",
                "about:blank",
                stderr=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )
            exits.push_async_callback(_end, process)
            address = await asyncio.wait_for(_devtools_address(process), 30)
            http = await exits.enter_async_context(aiohttp.ClientSession())
            host = address.split("/")[2]
            async with http.get(f"http://{host}/json") as response:
                tabs = await response.json(content_type=None)
            tab = next(tab for tab in tabs if tab["type"] == "page")
            self._socket = await exits.enter_async_context(
                http.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0)
            )
            tasks = await exits.enter_async_context(asyncio.TaskGroup())
            listening = tasks.create_task(self._listen())
            draining = tasks.create_task(_drain(process))
            exits.callback(listening.cancel)
            exits.callback(draining.cancel)
            await self._set_up()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    async def _set_up(self) -> None:
        for domain in ("Page", "Runtime", "Log", "Network"):
            await self.send(f"{domain}.enable")
        await self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.resize(*self._size)
        scheme = "dark" if self._is_dark else "light"
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        await self.send("Emulation.setEmulatedMedia", features=features)

    # Driving.

    async def resize(self, width: int, height: int, *, is_mobile: bool = False) -> None:
        """Change the window's size in pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_mobile,
        )

    async def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        self._loaded.clear()
        await self.send("Page.navigate", url=url)
        await asyncio.wait_for(self._loaded.wait(), 15)

    async def type(self, text: str) -> None:
        """Type into whatever has the focus, a key at a time."""
        for character in text:
            key = {"key": character, "text": character}
            await self.send("Input.dispatchKeyEvent", type="keyDown", **key)
            await self.send("Input.dispatchKeyEvent", type="keyUp", key=character)

    async def press(self, key: str, *modifiers: str) -> None:
        """Press a named key such as Enter, Tab or ArrowDown."""
        number, text = _KEYS[key]
        keys: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": number}
        keys["modifiers"] = sum(_MODIFIERS[name] for name in modifiers)
        await self.send(
            "Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, **keys
        )
        await self.send("Input.dispatchKeyEvent", type="keyUp", **keys)

    async def click(self, css: str, *, text: str = "") -> None:
        """Click the middle of the first element that fits, once it is there and stands still."""
        await self.wait_for(css, text=text)
        box = await self.evaluate(
            f"(async () => {{ const it = {_find(css, text)};"
            " it.scrollIntoView({block: 'nearest'}); let box, before;"
            " do { before = box; await new Promise(requestAnimationFrame);"
            " await new Promise(requestAnimationFrame); box = it.getBoundingClientRect(); }"
            " while (!before || before.x !== box.x || before.y !== box.y);"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        place = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        await self.send("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])
        await self.send("Input.dispatchMouseEvent", type="mousePressed", **place)
        await self.send("Input.dispatchMouseEvent", type="mouseReleased", **place)

    async def set_files(self, css: str, *paths: Path) -> None:
        """Choose files in a file input."""
        document = await self.send("DOM.getDocument")
        node = await self.send("DOM.querySelector", nodeId=document["root"]["nodeId"], selector=css)
        files = [str(path) for path in paths]
        await self.send("DOM.setFileInputFiles", files=files, nodeId=node["nodeId"])

    async def wait_for(self, css: str, *, text: str = "", timeout_seconds: float = 10) -> str:
        """Wait until a visible element fits, and return its text."""
        found = _find(css, text)
        seen: str = await self._watch(found, f"nothing fits {css} {text}", timeout_seconds)
        return seen

    async def wait_gone(self, css: str, *, text: str = "", timeout_seconds: float = 10) -> None:
        """Wait until no visible element fits."""
        gone = f"({_find(css, text)} ? null : document.body)"
        await self._watch(gone, f"still there: {css} {text}", timeout_seconds)

    async def _watch(self, element: str, failure: str, timeout_seconds: float) -> Any:
        """Wait, without polling, until the JavaScript `element` is one; return its text."""
        return await self.evaluate(
            f"""new Promise((resolve, reject) => {{
                const look = () => {{
                    const it = {element};
                    if (!it) return;
                    observer.disconnect();
                    for (const event of events) removeEventListener(event, look);
                    resolve(it.innerText ?? it.value ?? "");
                }};
                const observer = new MutationObserver(look);
                observer.observe(document, {{
                    subtree: true, childList: true, characterData: true, attributes: true,
                }});
                // What no mutation tells of: a style that moved on, a focus that came.
                const events = ["transitionend", "focusin"];
                for (const event of events) addEventListener(event, look);
                const fail = () => reject(new Error({json.dumps(failure)}));
                setTimeout(fail, {timeout_seconds * 1000});
                look();
            }})"""
        )

    async def evaluate(self, expression: str) -> Any:
        """Evaluate JavaScript, promises awaited. Raises AssertionError where it throws."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if details := answer.get("exceptionDetails"):
            raise AssertionError(details.get("exception", {}).get("description") or details)
        return answer["result"].get("value")

    async def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        answer = await self.send("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    # The protocol.

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one DevTools command and return its result."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        reply = await asyncio.wait_for(answer, 30)
        if "error" in reply:
            raise AssertionError(f"{method}: {reply['error']}")
        result: dict[str, Any] = reply["result"]
        return result

    async def _listen(self) -> None:
        async for frame in self._socket:
            message = frame.json()
            if "id" in message:
                self._answers.pop(message["id"]).set_result(message)
            else:
                self._hear(message["method"], message["params"])

    def _hear(self, method: str, parameters: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                details = parameters["exceptionDetails"]
                self.errors.append(str(details.get("exception", {}).get("description") or details))
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                entry = parameters["entry"]
                self.errors.append(f"{entry['text']} {entry.get('url', '')}".strip())
            case "Runtime.consoleAPICalled" if parameters["type"] == "error":
                self.errors.append(json.dumps(parameters["args"]))
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case _:
                pass


def _find(css: str, text: str) -> str:
    """Return JavaScript for the first visible element that fits."""
    return (
        f"[...document.querySelectorAll({json.dumps(css)})].find((one) =>"
        f" one.checkVisibility() && (one.innerText ?? '').includes({json.dumps(text)}))"
    )


async def _devtools_address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr
    async for line in process.stderr:
        if b"DevTools listening on " in line:
            return line.split(b"listening on ")[1].decode().strip()
    raise RuntimeError("Chromium ended before it listened.")


async def _drain(process: asyncio.subprocess.Process) -> None:
    assert process.stderr
    async for _line in process.stderr:
        pass


async def _end(process: asyncio.subprocess.Process) -> None:
    """End Chromium and all its children."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
