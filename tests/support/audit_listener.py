"""An audit record repository for the tests: syslog over TLS (RFC 5425), wants a client certificate. audit_listener.py PORT FOLDER: writes each message to
FOLDER/messages (one Python repr a line); PORT 0 = a free one, printed."""
import socket, ssl, sys, threading

port, folder = int(sys.argv[1]), sys.argv[2]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder + "/server.pem", folder + "/server.key")
context.load_verify_locations(folder + "/ca.pem")
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(("127.0.0.1", port))
print(listener.getsockname()[1], flush=True)


def read_exactly(link, size):
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def serve(client):
    try:
        with context.wrap_socket(client, server_side=True) as link:
            while True:
                digits = b""
                while not digits.endswith(b" "):
                    digits += read_exactly(link, 1)
                message = read_exactly(link, int(digits))
                with open(folder + "/messages", "a") as out:
                    out.write(repr(message) + "\n")
    except (OSError, EOFError):
        pass


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
