"""A small web server for the example: static files, one process, ready to answer when its start command returns.

usage: httpd.py DOCUMENT_ROOT HOST:PORT PIDFILE
"""

import os
import selectors
import socket
import sys

MAX_REQUEST_BYTES = 8192


def answer(root: str, request: bytes) -> bytes:
    """The response to one request: a file below root, or an error page."""
    words = request.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or words[0] not in (b"GET", b"HEAD"):
        return page(b"400 Bad Request", b"bad request\n")
    path = os.path.normpath("/" + words[1].split(b"?")[0].decode("utf-8", "replace").lstrip("/"))
    file = root + (path if path != "/" else "/index.html")
    try:
        with open(file, "rb") as stream:
            body = stream.read()
    except OSError:
        return page(b"404 Not Found", b"not found\n")
    response = page(b"200 OK", body)
    return response if words[0] == b"GET" else response[: -len(body) or None]


def page(status: bytes, body: bytes) -> bytes:
    """An HTTP/1.0 response."""
    head = b"HTTP/1.0 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, len(body)) + body


def serve(listener: socket.socket, root: str) -> None:
    """Answer requests until a signal ends the process."""
    poll = selectors.DefaultSelector()
    listener.setblocking(False)
    poll.register(listener, selectors.EVENT_READ)
    waiting: dict[socket.socket, bytes] = {}
    while True:
        for key, _ in poll.select():
            sock = key.fileobj
            assert isinstance(sock, socket.socket)
            if sock is listener:
                client, _ = listener.accept()
                client.settimeout(2)
                waiting[client] = b""
                poll.register(client, selectors.EVENT_READ)
                continue
            try:
                data = sock.recv(MAX_REQUEST_BYTES)
                waiting[sock] += data
                if data and b"\r\n\r\n" not in waiting[sock] and len(waiting[sock]) < MAX_REQUEST_BYTES:
                    continue
                if waiting[sock]:
                    sock.sendall(answer(root, waiting[sock]))
            except OSError:
                pass
            poll.unregister(sock)
            del waiting[sock]
            sock.close()


def main() -> None:
    """Bind, fork, write the pid file: when the command returns, the port answers."""
    root, listen, pidfile = sys.argv[1:4]
    host, _, port = listen.rpartition(":")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, int(port)))
    listener.listen(64)
    pid = os.fork()
    if pid:
        with open(pidfile, "w", encoding="ascii") as stream:
            stream.write(f"{pid}\n")
        return
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    serve(listener, root)


main()
