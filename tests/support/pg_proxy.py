"""A TCP front before PostgreSQL's Unix socket for the tests. pg_proxy.py SOCKET FOLDER: prints its port. While FOLDER/cut exists, the next COMMIT of a connection
that has inserted items is passed to the server and the connection is closed before its answer comes back (FOLDER/cut then becomes FOLDER/was_cut); with
FOLDER/refuse new connections are closed at once."""
import os, socket, sys, threading

path, folder = sys.argv[1], sys.argv[2]
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)


def serve(client):
    if os.path.exists(folder + "/refuse"):
        client.close()
        return
    server = socket.socket(socket.AF_UNIX)
    server.connect(path)
    cut = threading.Event()

    def back():
        try:
            while True:
                data = server.recv(1 << 16)
                if cut.is_set():
                    client.shutdown(socket.SHUT_RDWR)
                    client.close()
                    return
                if not data:
                    break
                client.sendall(data)
        except OSError:
            pass
        try:
            client.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    threading.Thread(target=back, daemon=True).start()
    inserts = False
    try:
        while True:
            data = client.recv(1 << 16)
            if not data:
                break
            inserts = inserts or b"INSERT INTO item" in data
            if inserts and b"COMMIT" in data and os.path.exists(folder + "/cut"):
                cut.set()
                os.rename(folder + "/cut", folder + "/was_cut")
            server.sendall(data)
    except OSError:
        pass
    try:
        server.shutdown(socket.SHUT_WR)
    except OSError:
        pass


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
