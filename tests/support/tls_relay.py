"""TLS before a plain TCP server on loopback, for the tests: wants a client certificate. tls_relay.py UPSTREAM_PORT FOLDER NAME: NAME.pem, NAME.key and ca.pem
are read from FOLDER; prints its port. NAME "-": plain TCP, on the port that FOLDER is."""
import socket, ssl, sys, threading

upstream, folder, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if name != "-":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain("%s/%s.pem" % (folder, name), "%s/%s.key" % (folder, name))
    context.load_verify_locations(folder + "/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED


def serve(client):
    try:
        client.settimeout(60)
        with (client if name == "-" else context.wrap_socket(client, server_side=True)) as secure, socket.create_connection(("127.0.0.1", upstream)) as plain:
            secure.settimeout(0.05)
            plain.settimeout(0.05)
            while True:
                for source, sink in ((secure, plain), (plain, secure)):
                    try:
                        data = source.recv(1 << 17)
                    except (TimeoutError, socket.timeout):
                        continue
                    if not data:
                        return
                    sink.settimeout(60)
                    sink.sendall(data)
                    sink.settimeout(0.05)
    except OSError:
        pass
    finally:
        client.close()


listener = socket.create_server(("127.0.0.1", int(folder) if name == "-" else 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
