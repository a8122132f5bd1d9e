/* TLS for both sides, through DCMTK's dcmtls. */
#include "ingest/dimse_internal.h"

#include "dcmtk/dcmtls/tlslayer.h"

#include <arpa/inet.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <vector>

namespace lethe_dimse {

lethe_status make_tls_layer(const lethe_dimse_tls &tls, std::unique_ptr<DcmTransportLayer> &layer, lethe_error *error) {
    DcmTLSTransportLayer::initializeOpenSSL();
    std::unique_ptr<DcmTLSTransportLayer> fresh(new DcmTLSTransportLayer(NET_ACCEPTOR, nullptr, OFFalse));
    OFCondition condition = fresh->setTLSProfile(TSP_Profile_BCP195_ND);
    if (condition.good()) condition = fresh->setPrivateKeyFile(tls.private_key, DCF_Filetype_PEM);
    if (condition.good()) condition = fresh->setCertificateFile(tls.certificate, DCF_Filetype_PEM);
    if (condition.bad()) return lethe_fail(error, LETHE_CONFIG, "ingest.door.tls: private key or certificate cannot be used");
    if (!fresh->checkPrivateKeyMatchesCertificate())
        return lethe_fail(error, LETHE_CONFIG, "ingest.door.tls: private key and certificate do not match");
    if (tls.authorities != nullptr && fresh->addTrustedCertificateFile(tls.authorities, DCF_Filetype_PEM).bad())
        return lethe_fail(error, LETHE_CONFIG, "ingest.door.tls: authorities cannot be read");
    if (fresh->activateCipherSuites().bad()) return lethe_fail(error, LETHE_CRYPTO, "no TLS cipher suites");
    fresh->setCertificateVerification(tls.require_client_certificate ? DCV_requireCertificate
                                      : tls.authorities != nullptr   ? DCV_checkCertificate
                                                                     : DCV_ignoreCertificate);
    layer = std::move(fresh);
    return LETHE_OK;
}

/* The certificate must have `name`, a host name or an address, as subject alternative name (RFC 6125 6.4). */
static bool expect_name(DcmTLSTransportLayer &layer, const char *name) {
    SSL_CTX *context = layer.getNativeHandle();
    X509_VERIFY_PARAM *parameters = context == nullptr ? nullptr : SSL_CTX_get0_param(context);
    if (parameters == nullptr) return false;
    unsigned char address[16];
    if (inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1;
    X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    return X509_VERIFY_PARAM_set1_host(parameters, name, 0) == 1;
}

lethe_status make_tls_client_layer(const lethe_scu_options &options, std::unique_ptr<DcmTransportLayer> &layer, lethe_error *error) {
    DcmTLSTransportLayer::initializeOpenSSL();
    std::unique_ptr<DcmTLSTransportLayer> fresh(new DcmTLSTransportLayer(NET_REQUESTOR, nullptr, OFFalse));
    OFCondition condition = fresh->setTLSProfile(TSP_Profile_BCP195_ND);
    if (condition.bad()) return lethe_fail(error, LETHE_CRYPTO, "no TLS profile");
    if (options.certificate != nullptr && options.certificate[0] != '\0') {
        condition = fresh->setPrivateKeyFile(options.private_key, DCF_Filetype_PEM);
        if (condition.good()) condition = fresh->setCertificateFile(options.certificate, DCF_Filetype_PEM);
        if (condition.bad() || !fresh->checkPrivateKeyMatchesCertificate())
            return lethe_fail(error, LETHE_CONFIG, "ingest.peers.tls: private key or certificate cannot be used");
    }
    if (options.authorities == nullptr || fresh->addTrustedCertificateFile(options.authorities, DCF_Filetype_PEM).bad())
        return lethe_fail(error, LETHE_CONFIG, "ingest.peers.tls: authorities cannot be read");
    if (fresh->activateCipherSuites().bad()) return lethe_fail(error, LETHE_CRYPTO, "no TLS cipher suites");
    fresh->setCertificateVerification(DCV_requireCertificate);
    if (options.tls_name != nullptr && options.tls_name[0] != '\0' && !expect_name(*fresh, options.tls_name))
        return lethe_fail(error, LETHE_CONFIG, "ingest.peers.tls: name cannot be used");
    layer = std::move(fresh);
    return LETHE_OK;
}

std::string peer_certificate(T_ASC_Association *association) {
    static const char digits[] = "0123456789abcdef";
    unsigned long size = ASC_getPeerCertificateLength(association);
    if (size == 0 || size > (1u << 20)) return "";
    std::vector<unsigned char> der(size);
    size = ASC_getPeerCertificate(association, der.data(), size);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (size == 0 || SHA256(der.data(), size, digest) == nullptr) return "";
    std::string hex;
    for (unsigned char byte : digest) {
        hex += digits[byte >> 4];
        hex += digits[byte & 15];
    }
    return hex;
}

} // namespace lethe_dimse
