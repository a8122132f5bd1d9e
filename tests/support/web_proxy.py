"""An HTTPS front before a plain HTTP server on loopback, for the tests: wants a bearer token and a client certificate, and misbehaves on demand.

web_proxy.py UPSTREAM_PORT FOLDER: certificates and `token` are read from FOLDER; prints its port. FOLDER/fault holds what to do to the next answers:
"cut N" (break off a retrieval after N bytes of its body, once), "busy N" (503, N times).
"""
import http.client, http.server, os, ssl, sys, threading

upstream, folder = int(sys.argv[1]), sys.argv[2]
token = open(folder + "/token").read().strip()
lock = threading.Lock()


def take_fault(path):
    with lock:
        try:
            kind, count = (open(folder + "/fault").read().split() + ["1"])[:2]
        except (OSError, ValueError):
            return "", 0
        count = int(count)
        if kind == "cut" and ("?" in path or "/series/" not in path):
            return "", 0
        if kind == "busy" and count > 1:
            open(folder + "/fault", "w").write("busy %d" % (count - 1))
        else:
            os.unlink(folder + "/fault")
        return kind, count


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def forward(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with open(folder + "/requests", "a") as log:
            log.write("%s %s\n" % (self.command, self.path.split("?")[0]))
        if self.headers.get("Authorization") != "Bearer " + token:
            return self.answer(401, {}, b"")
        kind, count = take_fault(self.path)
        if kind == "busy":
            return self.answer(503, {"Retry-After": "1"}, b"busy")
        connection = http.client.HTTPConnection("127.0.0.1", upstream)
        keep = {k: v for k, v in self.headers.items() if k.lower() in ("accept", "content-type")}
        connection.request(self.command, self.path, body, keep)
        answer = connection.getresponse()
        content = answer.read()
        headers = {k: v for k, v in answer.getheaders() if k.lower() == "content-type"}
        if kind == "cut":
            self.send_response(answer.status)
            for k, v in headers.items():
                self.send_header(k, v)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[:count])
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
            return None
        return self.answer(answer.status, headers, content)

    def answer(self, code, headers, content):
        self.send_response(code)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = forward


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
context.load_verify_locations(folder + "/ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print(server.server_address[1], flush=True)
server.serve_forever()
