"""Sends many small CT instances for the tests, each by C-STORE and answered before the next. small_sender.py PORT FIRST COUNT ASSOCIATIONS [BYTES]: instances
2.25.8<number> of that many patients and studies as make a hundred instances each; ends with the first answer that is not success."""
import socket, struct, sys, threading

CT = b"1.2.840.10008.5.1.4.1.1.2"


def item(kind, body):
    return struct.pack(">BBH", kind, 0, len(body)) + body


def request():
    body = struct.pack(">HH", 1, 0) + b"LETHE".ljust(16) + b"SMALL".ljust(16) + bytes(32) + item(0x10, b"1.2.840.10008.3.1.1.1")
    body += item(0x20, bytes([1, 0, 0, 0]) + item(0x30, CT) + item(0x40, b"1.2.840.10008.1.2"))
    body += item(0x50, item(0x51, struct.pack(">I", 0)) + item(0x52, b"1.2.3"))
    return struct.pack(">BBI", 1, 0, len(body)) + body


def exactly(link, size):
    data = b""
    while len(data) < size:
        piece = link.recv(size - len(data))
        if not piece:
            raise EOFError("the receiver hung up")
        data += piece
    return data


def pdu(link):
    kind, _, size = struct.unpack(">BBI", exactly(link, 6))
    return kind, exactly(link, size)


def pad(text):
    return text + b"\0" * (len(text) % 2)


def element(group, number, value):
    return struct.pack("<HHI", group, number, len(value)) + value


def pdv(payload, flags):
    body = struct.pack(">IBB", len(payload) + 2, 1, flags) + payload
    return struct.pack(">BBI", 4, 0, len(body)) + body


def store(number, message, size):
    uid, group = pad(b"2.25.8%09d" % number), number // 100
    fields = element(0, 2, pad(CT)) + element(0, 0x100, b"\1\0") + element(0, 0x110, struct.pack("<H", message)) + element(0, 0x700, b"\0\0")
    fields += element(0, 0x800, b"\0\0") + element(0, 0x1000, uid)
    data = element(8, 0x16, pad(CT)) + element(8, 0x18, uid) + element(8, 0x20, b"20240102") + element(8, 0x60, b"CT") + element(0x10, 0x10, b"Invented^Person ")
    data += element(0x10, 0x20, b"P%07d" % group) + element(0x20, 0xD, pad(b"2.25.1%d" % group)) + element(0x20, 0xE, pad(b"2.25.2%d" % group))
    data += element(0x28, 2, b"\1\0") + element(0x28, 4, b"MONOCHROME2 ") + element(0x28, 0x10, b"\1\0") + element(0x28, 0x11, struct.pack("<H", size))
    data += element(0x28, 0x100, b"\10\0") + element(0x28, 0x101, b"\10\0") + element(0x28, 0x102, b"\7\0") + element(0x28, 0x103, b"\0\0")
    data += element(0x7FE0, 0x10, bytes((number + i) % 256 for i in range(8)) * (size // 8))
    return pdv(element(0, 0, struct.pack("<I", len(fields))) + fields, 3) + pdv(data, 2)


def status_of(body):
    at = 6
    while at < len(body):
        _, number, size = struct.unpack("<HHI", body[at : at + 8])
        if number == 0x900:
            return struct.unpack("<H", body[at + 8 : at + 10])[0]
        at += 8 + size
    raise ValueError("an answer without status")


def send(port, numbers, size, failures):
    try:
        link = socket.create_connection(("127.0.0.1", port), timeout=300)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(request())
        assert pdu(link)[0] == 2, "not accepted"
        for i, number in enumerate(numbers):
            link.sendall(store(number, i % 65535 + 1, size))
            kind, body = pdu(link)
            assert kind == 4 and status_of(body) == 0, "status %04x" % status_of(body)
        link.sendall(struct.pack(">BBII", 5, 0, 4, 0))
        assert pdu(link)[0] == 6, "not released"
        link.close()
    except (OSError, EOFError, AssertionError, ValueError) as error:
        failures.append(repr(error))


if __name__ == "__main__":
    port, first, count, associations = map(int, sys.argv[1:5])
    size, failures = int(sys.argv[5]) if len(sys.argv) > 5 else 256, []
    threads = [threading.Thread(target=send, args=(port, range(first + n, first + count, associations), size, failures)) for n in range(associations)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        sys.exit(failures[0])
