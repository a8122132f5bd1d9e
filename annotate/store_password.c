/* Passwords of annotators on PostgreSQL: the server gets a SCRAM-SHA-256 verifier (RFC 5802, RFC 7677), never the password. */
#include "annotate/store_internal.h"

#include "core/memory.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 4096, SALT_BYTES = 16, DIGEST_BYTES = 32, SHORTEST = 8, LONGEST = 200 };

/* Printable ASCII: other characters would have to be prepared (RFC 4013) as every client does. */
static bool is_fit(const char *password) {
    size_t length = strlen(password);
    if (length < SHORTEST || length > LONGEST) return false;
    for (size_t i = 0; i < length; i++)
        if (password[i] < 0x20 || password[i] > 0x7E) return false;
    return true;
}

static bool keyed(const uint8_t key[DIGEST_BYTES], const char *text, uint8_t out[DIGEST_BYTES]) {
    unsigned size = DIGEST_BYTES;
    return HMAC(EVP_sha256(), key, DIGEST_BYTES, (const unsigned char *)text, strlen(text), out, &size) != NULL;
}

/* "SCRAM-SHA-256$4096:salt$stored key:server key" as PostgreSQL keeps it. */
static bool make_verifier(const char *password, char out[256]) {
    uint8_t salt[SALT_BYTES], salted[DIGEST_BYTES], client[DIGEST_BYTES], stored[DIGEST_BYTES], server[DIGEST_BYTES];
    unsigned char salt_text[4 * SALT_BYTES / 3 + 8], stored_text[64], server_text[64];
    bool good = RAND_bytes(salt, SALT_BYTES) == 1 &&
                PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, SALT_BYTES, ROUNDS, EVP_sha256(), DIGEST_BYTES, salted) == 1 &&
                keyed(salted, "Client Key", client) && EVP_Digest(client, DIGEST_BYTES, stored, NULL, EVP_sha256(), NULL) == 1 &&
                keyed(salted, "Server Key", server);
    if (good) {
        (void)EVP_EncodeBlock(salt_text, salt, SALT_BYTES);
        (void)EVP_EncodeBlock(stored_text, stored, DIGEST_BYTES);
        (void)EVP_EncodeBlock(server_text, server, DIGEST_BYTES);
        (void)snprintf(out, 256, "SCRAM-SHA-256$%d:%s$%s:%s", ROUNDS, (const char *)salt_text, (const char *)stored_text, (const char *)server_text);
    }
    lethe_wipe(salted, sizeof salted);
    lethe_wipe(client, sizeof client);
    return good;
}

lethe_status lethe_store_set_password(lethe_store *store, const char *name, const char *password, lethe_error *error) {
    char quoted[160], verifier[256], sql[512];
    int64_t known = 0;
    if (lethe_database_backend(store->database) != LETHE_POSTGRESQL)
        return lethe_fail(error, LETHE_USAGE, "passwords are for a store on PostgreSQL: SQLite is guarded by the rights of its file");
    if (store->role != LETHE_ROLE_ORGANISER) return lethe_fail(error, LETHE_DENIED, "only an organiser sets passwords");
    if (!is_fit(password)) return lethe_fail(error, LETHE_USAGE, "a password has %d to %d printable ASCII characters", SHORTEST, LONGEST);
    lethe_status status = lethe_store_number(store, "SELECT COUNT(*) FROM account WHERE name = ?1", &name, 1, &known, error);
    if (status == LETHE_OK && known == 0) status = lethe_fail(error, LETHE_NOT_FOUND, "no user '%.80s'", name);
    if (status == LETHE_OK && !lethe_store_quote(name, quoted, sizeof quoted)) status = lethe_fail(error, LETHE_USAGE, "the user's name is too long");
    if (status == LETHE_OK && !make_verifier(password, verifier)) status = lethe_fail(error, LETHE_CRYPTO, "no verifier for the password");
    if (status != LETHE_OK) return status;
    (void)snprintf(sql, sizeof sql, "ALTER ROLE %s LOGIN PASSWORD '%s'", quoted, verifier); /* Base64 has no quotes */
    return lethe_database_execute(store->database, sql, error);
}
