// What OpenSSL's own RS256 verify costs: SHA-256 of 600 bytes, then EVP_PKEY_verify on one reused context, RSA 2048.
// Prints nanoseconds of CPU a verify, the median of several runs.
//
// usage: rs256
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { RUNS = 9, VERIFIES = 5000, MESSAGE = 600 };

static void need(int ok, const char *what) {
    if (ok == 1) return;
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double cpu_nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int ascending(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

int main(void) {
    EVP_PKEY *key = EVP_RSA_gen(2048);
    need(key != NULL, "EVP_RSA_gen");
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    need(sha256 != NULL && digest != NULL, "EVP_MD_fetch");

    unsigned char message[MESSAGE], hash[32], signature[256];
    memset(message, 'e', sizeof message);
    size_t length = sizeof signature;
    unsigned hashed;

    EVP_PKEY_CTX *signer = EVP_PKEY_CTX_new(key, NULL);
    need(EVP_PKEY_sign_init(signer), "EVP_PKEY_sign_init");
    need(EVP_PKEY_CTX_set_rsa_padding(signer, RSA_PKCS1_PADDING), "padding");
    need(EVP_PKEY_CTX_set_signature_md(signer, sha256), "digest");
    need(EVP_Digest(message, sizeof message, hash, &hashed, sha256, NULL), "EVP_Digest");
    need(EVP_PKEY_sign(signer, signature, &length, hash, sizeof hash), "EVP_PKEY_sign");

    EVP_PKEY_CTX *verifier = EVP_PKEY_CTX_new(key, NULL);
    need(EVP_PKEY_verify_init(verifier), "EVP_PKEY_verify_init");
    need(EVP_PKEY_CTX_set_rsa_padding(verifier, RSA_PKCS1_PADDING), "padding");
    need(EVP_PKEY_CTX_set_signature_md(verifier, sha256), "digest");

    double runs[RUNS];
    for (int run = 0; run < RUNS; run++) {
        double before = cpu_nanoseconds();
        for (int index = 0; index < VERIFIES; index++) {
            need(EVP_DigestInit_ex2(digest, sha256, NULL), "EVP_DigestInit_ex2");
            need(EVP_DigestUpdate(digest, message, sizeof message), "EVP_DigestUpdate");
            need(EVP_DigestFinal_ex(digest, hash, &hashed), "EVP_DigestFinal_ex");
            need(EVP_PKEY_verify(verifier, signature, length, hash, sizeof hash), "EVP_PKEY_verify");
        }
        runs[run] = (cpu_nanoseconds() - before) / VERIFIES;
    }
    qsort(runs, RUNS, sizeof *runs, ascending);
    printf("%.0f\n", runs[RUNS / 2]);
    EVP_PKEY_CTX_free(verifier);
    EVP_PKEY_CTX_free(signer);
    EVP_MD_CTX_free(digest);
    EVP_MD_free(sha256);
    EVP_PKEY_free(key);
    return 0;
}
