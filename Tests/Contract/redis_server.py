"""A real Redis on loopback, to be stopped, killed and started again."""

import signal
import socket
import subprocess

from checks import PATIENCE, eventually


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """`redis-server` on one port for as long as the test lasts, whatever becomes of the process."""

    def __init__(self, directory, *args):
        self.directory = str(directory)
        self.args = args
        self.port = free_port()
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            # A file comes first.
            ["redis-server", *self.args, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no"],
            cwd=self.directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        eventually(self._answers, timeout=10 * PATIENCE, what="Redis to answer")

    def _answers(self):
        try:
            return self.command("PING") == "+PONG"
        except OSError:
            return False

    def command(self, *words):
        """Sends one command; the first line of the answer, or the text that it announces."""
        request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(request.encode())
            answer = connection.makefile("rb")
            line = answer.readline().rstrip(b"\r\n").decode()
            return answer.read(int(line[1:])).decode() if line.startswith("$") else line

    def kill(self):
        """At once, with all it knew."""
        self.process.kill()
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.thaw()
            self.kill()
