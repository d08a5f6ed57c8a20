"""Headless Chromium over its own pipe (Chrome DevTools Protocol): one JSON text a message, each ended by NUL."""

import concurrent.futures
import itertools
import json
import os
import signal
import subprocess
import threading

# Of one command and of the start. Generous: a busy machine is slow, a broken browser is not fast.
SECONDS = 30


class BrowserError(Exception):
    pass


class Chromium:
    """A browser with a profile of its own, which knows no other host than `port` on this machine."""

    def __init__(self, folder, port, certificate_pin):
        command = [
            "chromium", "--headless", "--remote-debugging-pipe", f"--user-data-dir={folder}/profile",
            # Containers give little shared memory, and their root may make no namespace for a sandbox.
            "--disable-dev-shm-usage", "--disable-gpu", "--no-first-run", "--disable-extensions",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server",
            "--disable-default-apps", "--password-store=basic", "--renderer-process-limit=4",
            f"--host-resolver-rules=MAP *:443 127.0.0.1:{port}, MAP * 127.0.0.1",
            f"--ignore-certificate-errors-spki-list={certificate_pin}",
        ]
        if os.geteuid() == 0:
            command.append("--no-sandbox")
        to_browser, from_browser = os.pipe(), os.pipe()
        # The browser reads descriptor 3 and writes descriptor 4.
        shell = f'exec "$@" 3<&{to_browser[0]} 4>&{from_browser[1]}'
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", shell, "bash", *command],
            pass_fds=(to_browser[0], from_browser[1]), stdin=subprocess.DEVNULL,
            stdout=open(f"{folder}/chromium.log", "wb"), stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)})
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.output, self.input = to_browser[1], from_browser[0]
        self.numbers, self.lock, self.waiting = itertools.count(1), threading.Lock(), {}
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        rest = b""
        while chunk := os.read(self.input, 1 << 16):
            *messages, rest = (rest + chunk).split(b"\0")
            for message in map(json.loads, messages):
                with self.lock:
                    future = self.waiting.pop(message.get("id"), None)
                if future is not None:
                    future.set_result(message)
        with self.lock:
            futures, self.waiting = list(self.waiting.values()), None
        for future in futures:
            future.set_exception(BrowserError("the browser has ended"))

    def begin(self, method, session=None, **parameters):
        """Sends a command; the future gives the whole answer."""
        future = concurrent.futures.Future()
        with self.lock:
            if self.waiting is None:
                raise BrowserError("the browser has ended")
            number = next(self.numbers)
            self.waiting[number] = future
            message = {"id": number, "method": method, "params": parameters}
            if session:
                message["sessionId"] = session
            rest = json.dumps(message).encode() + b"\0"
            while rest:
                rest = rest[os.write(self.output, rest):]
        return future

    def call(self, method, session=None, **parameters):
        return result(self.begin(method, session, **parameters), method)

    def tab(self, address):
        """A new tab that shows `address`."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, target, session)
        tab.open(address)
        return tab

    def cookies(self):
        """Every cookie of the profile by name."""
        return {cookie["name"]: cookie for cookie in self.call("Storage.getCookies")["cookies"]}

    def clear_cookies(self):
        self.call("Storage.clearCookies")

    def close(self):
        """Ends the browser and every process it started: they are one session."""
        try:
            self.begin("Browser.close")
            self.process.wait(timeout=SECONDS)
        except (BrowserError, OSError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(timeout=SECONDS)
        self.reader.join(timeout=SECONDS)
        os.close(self.output)
        os.close(self.input)


class Tab:
    def __init__(self, browser, target, session):
        self.browser, self.target, self.session = browser, target, session

    def open(self, address):
        """Goes there and waits until the page is there."""
        found = self.browser.call("Page.navigate", self.session, url=address)
        if "errorText" in found:
            raise BrowserError(f"{address}: {found['errorText']}")
        self.settled(address)

    def reload(self):
        self.run("window.old = true")
        self.browser.call("Page.reload", self.session)
        self.settled(None)

    def settled(self, address):
        """Waits for a whole page other than the one before; asked anew when it goes away under the question."""
        script = """new Promise(resolve => {
            const look = () => document.readyState === 'complete' && !window.old
                ? resolve(location.href) : setTimeout(look, 5);
            look();
        })"""
        for _ in range(1000):
            try:
                shown = self.run(script)
            except BrowserError as error:
                # The page was replaced meanwhile.
                if "context" in str(error) or "navigated" in str(error) or "collected" in str(error):
                    continue
                raise
            if address is None or shown == address:
                return
        raise BrowserError(f"{address} was never shown")

    def begin(self, script):
        """Starts a script; what its promise comes to is the future's."""
        return self.browser.begin(
            "Runtime.evaluate", self.session, expression=script, awaitPromise=True, returnByValue=True,
            timeout=SECONDS * 1000, userGesture=True)

    def run(self, script):
        return value(self.begin(script))

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)


def result(future, method):
    message = future.result(timeout=SECONDS)
    if "error" in message:
        raise BrowserError(f"{method}: {message['error']['message']}")
    return message["result"]


def value(future):
    """What a script came to."""
    found = result(future, "Runtime.evaluate")
    if "exceptionDetails" in found:
        details = found["exceptionDetails"]
        raise BrowserError(details.get("exception", {}).get("description") or details["text"])
    return found["result"].get("value")
