"""The proxy does to a connection what it is told, and nothing else."""

import socket
import threading
import time
import unittest

from faultproxy import FaultProxy


class Echo:
    """A server that sends back what it gets."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.echo, args=(connection,), daemon=True).start()

    @staticmethod
    def echo(connection):
        try:
            while chunk := connection.recv(65536):
                connection.sendall(chunk)
        except OSError:
            pass
        finally:
            connection.close()


class FaultProxyTests(unittest.TestCase):
    def setUp(self):
        self.echo = self.enterContext(Echo())
        self.proxy = self.enterContext(FaultProxy(("127.0.0.1", self.echo.port)))

    def connect(self, timeout=5):
        connection = socket.create_connection(("127.0.0.1", self.proxy.port), timeout=timeout)
        self.addCleanup(connection.close)
        return connection

    def round_trip(self, connection, text):
        begin = time.monotonic()
        connection.sendall(text)
        received = b""
        while len(received) < len(text):
            chunk = connection.recv(65536)
            if not chunk:
                raise ConnectionError("closed")
            received += chunk
        self.assertEqual(received, text)
        return time.monotonic() - begin

    def test_bytes_go_through_whole_and_in_order(self):
        self.round_trip(self.connect(), bytes(range(256)) * 400)

    def test_a_delay_holds_in_each_direction_and_ends_when_told(self):
        connection = self.connect()
        self.proxy.slow_down(0.15)
        self.assertGreaterEqual(self.round_trip(connection, b"slow"), 0.3)
        self.proxy.pass_on()
        self.assertLess(self.round_trip(connection, b"fast"), 0.3)

    def test_held_bytes_come_when_it_is_over(self):
        connection = self.connect(timeout=0.3)
        self.round_trip(connection, b"before")
        self.proxy.hold()
        connection.sendall(b"held")
        with self.assertRaises(TimeoutError):
            connection.recv(10)
        connection.settimeout(5)
        self.proxy.pass_on()
        self.assertEqual(connection.recv(10), b"held")

    def test_a_cut_is_an_end_and_a_reset_is_a_reset(self):
        connection = self.connect()
        self.round_trip(connection, b"before")
        self.proxy.cut()
        self.assertEqual(connection.recv(10), b"")
        connection = self.connect()
        self.round_trip(connection, b"before")
        self.proxy.reset()
        with self.assertRaises(ConnectionResetError):
            connection.recv(10)

    def test_a_closed_port_refuses_and_opens_again_with_the_same_number(self):
        port = self.proxy.port
        self.proxy.refuse()
        with self.assertRaises(ConnectionRefusedError):
            self.connect()
        self.proxy.pass_on()
        self.assertEqual(self.proxy.port, port)
        self.round_trip(self.connect(), b"again")

    def test_a_trickle_is_a_byte_a_second(self):
        connection = self.connect(timeout=0.5)
        self.proxy.trickle()
        connection.sendall(b"abc")
        self.assertEqual(connection.recv(10), b"a")
        with self.assertRaises(TimeoutError):
            connection.recv(10)
