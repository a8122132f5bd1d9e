/* The Asynchronous Operations Window (PS3.7 D.3.3.3), which DCMTK neither reads nor writes: a connection that looks at the peer's A-ASSOCIATE-RQ as
 * it passes and puts our sub-item into the A-ASSOCIATE-AC. Requests that come ahead of their answers are served one after the other, in order. */
#include "ingest/dimse_internal.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace lethe_dimse {

namespace {

enum { PDU_HEAD = 6, FIXED_FIELDS = 68, REQUEST = 1, ACCEPT = 2, USER_INFORMATION = 0x50, WINDOW = 0x53, WINDOW_BYTES = 8, MOST_OPERATIONS = 16 };
enum { MOST_BYTES = 1 << 18 }; /* of a request that is looked at */

unsigned u16(const uint8_t *at) { return static_cast<unsigned>(at[0]) << 8 | at[1]; }
uint32_t u32(const uint8_t *at) { return static_cast<uint32_t>(u16(at)) << 16 | u16(at + 2); }
void put_u16(uint8_t *at, unsigned value) {
    at[0] = static_cast<uint8_t>(value >> 8);
    at[1] = static_cast<uint8_t>(value);
}

/* Where the content of the item of this type begins, its length in *size; 0 = there is none, or the items do not fit. */
size_t find_item(const uint8_t *bytes, size_t from, size_t end, unsigned type, size_t *size) {
    while (from + 4 <= end) {
        size_t length = u16(bytes + from + 2);
        if (length > end - from - 4) return 0;
        if (bytes[from] == type) {
            *size = length;
            return from + 4;
        }
        from += 4 + length;
    }
    return 0;
}

class WindowConnection : public DcmTransportConnection {
  public:
    WindowConnection(DcmNativeSocketType socket, DcmTransportConnection *inner) : DcmTransportConnection(socket), inner_(inner) {}
    WindowConnection(const WindowConnection &) = delete;
    WindowConnection &operator=(const WindowConnection &) = delete;

    ssize_t read(void *buffer, size_t size) override {
        ssize_t got = inner_->read(buffer, size);
        if (got > 0 && looking_) look(static_cast<const uint8_t *>(buffer), static_cast<size_t>(got));
        return got;
    }
    ssize_t write(void *buffer, size_t size) override {
        const uint8_t *bytes = static_cast<const uint8_t *>(buffer);
        if (answered_ || size < PDU_HEAD + FIXED_FIELDS || bytes[0] != ACCEPT) return inner_->write(buffer, size);
        answered_ = true;
        looking_ = false;
        std::vector<uint8_t> pdu(bytes, bytes + size);
        if (operations_ == 0 || !add_window(pdu)) return inner_->write(buffer, size);
        for (size_t at = 0; at < pdu.size();) {
            ssize_t put = inner_->write(pdu.data() + at, pdu.size() - at);
            if (put <= 0) return put;
            at += static_cast<size_t>(put);
        }
        return static_cast<ssize_t>(size);
    }

    OFCondition serverSideHandshake() override { return inner_->serverSideHandshake(); }
    OFCondition clientSideHandshake() override { return inner_->clientSideHandshake(); }
    OFCondition renegotiate(const char *suite) override { return inner_->renegotiate(suite); }
    void close() override { inner_->close(); }
    void closeTransportConnection() override { inner_->closeTransportConnection(); }
    unsigned long getPeerCertificateLength() override { return inner_->getPeerCertificateLength(); }
    unsigned long getPeerCertificate(void *buffer, unsigned long size) override { return inner_->getPeerCertificate(buffer, size); }
    OFBool networkDataAvailable(int timeout) override { return inner_->networkDataAvailable(timeout); }
    OFBool isTransparentConnection() override { return inner_->isTransparentConnection(); }
    OFString &dumpConnectionParameters(OFString &text) override { return inner_->dumpConnectionParameters(text); }

  private:
    void look(const uint8_t *bytes, size_t size) {
        request_.insert(request_.end(), bytes, bytes + size);
        looking_ = request_[0] == REQUEST && request_.size() < MOST_BYTES;
        if (!looking_ || request_.size() < PDU_HEAD) return;
        size_t whole = PDU_HEAD + static_cast<size_t>(u32(request_.data() + 2));
        if (request_.size() < whole) return;
        looking_ = false;
        size_t length = 0;
        size_t user = find_item(request_.data(), PDU_HEAD + FIXED_FIELDS, whole, USER_INFORMATION, &length);
        size_t window = user == 0 ? 0 : find_item(request_.data(), user, user + length, WINDOW, &length);
        if (window == 0 || length != 4) return;
        /* 0 means: as many as we like. */
        unsigned wanted = u16(request_.data() + window);
        operations_ = wanted == 0 ? unsigned{MOST_OPERATIONS} : std::min<unsigned>(wanted, MOST_OPERATIONS);
    }

    bool add_window(std::vector<uint8_t> &pdu) const {
        size_t length = 0;
        if (PDU_HEAD + static_cast<size_t>(u32(pdu.data() + 2)) != pdu.size()) return false;
        size_t user = find_item(pdu.data(), PDU_HEAD + FIXED_FIELDS, pdu.size(), USER_INFORMATION, &length);
        if (user == 0 || length + WINDOW_BYTES > 0xffff) return false;
        uint8_t item[WINDOW_BYTES] = {WINDOW, 0, 0, 4, 0, 0, 0, 1}; /* we ask for nothing ahead: one operation of ours at a time */
        put_u16(item + 4, operations_);
        put_u16(pdu.data() + user - 2, static_cast<unsigned>(length + WINDOW_BYTES));
        pdu.insert(pdu.begin() + static_cast<std::ptrdiff_t>(user + length), item, item + WINDOW_BYTES);
        uint32_t whole = static_cast<uint32_t>(pdu.size() - PDU_HEAD);
        put_u16(pdu.data() + 2, whole >> 16);
        put_u16(pdu.data() + 4, whole & 0xffff);
        return true;
    }

    std::unique_ptr<DcmTransportConnection> inner_;
    std::vector<uint8_t> request_;
    unsigned operations_ = 0; /* 0 = the peer offered none */
    bool looking_ = true, answered_ = false;
};

} // namespace

DcmTransportConnection *WindowLayer::createConnection(DcmNativeSocketType socket, OFBool secure) {
    std::unique_ptr<DcmTransportConnection> inner(inner_->createConnection(socket, secure));
    if (inner == nullptr) return nullptr;
    DcmTransportConnection *outer = new WindowConnection(socket, inner.get());
    (void)inner.release();
    return outer;
}

} // namespace lethe_dimse
