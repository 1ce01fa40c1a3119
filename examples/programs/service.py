#!/usr/bin/env python3
"""A web service that handles image.*: each task is a POST."""
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Tasks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are used again

    def do_POST(self):
        payload = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            width = int(json.loads(payload)["width"])
        except (ValueError, KeyError, TypeError) as problem:
            return self.answer(422, f"no width: {problem!r}")  # dead at once
        if width > 4096:
            return self.answer(503, "no memory for it now", {"Retry-After": "1"})  # tried again
        print("image", unquote(self.headers["Warren-Task-Id"]), width, flush=True)
        self.answer(204)

    def answer(self, status, text="", headers={}):
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer(("127.0.0.1", 8080), Tasks).serve_forever()
