// One RS256 signature, verified again and again the cheapest way that OpenSSL has: SHA-256 of 600 bytes apart, then
// EVP_PKEY_verify on one reused context, RSA 2048.
#pragma once
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RS256_MESSAGE = 600 };

struct rs256 {
    EVP_MD *sha256;
    EVP_MD_CTX *digest;
    EVP_PKEY_CTX *verifier;
    unsigned char message[RS256_MESSAGE], signature[256];
    size_t signature_length;
};

static void rs256_need(int ok, const char *what) {
    if (ok == 1) return;
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static EVP_PKEY_CTX *rs256_context(struct rs256 *rs256, EVP_PKEY *key, int init(EVP_PKEY_CTX *)) {
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    rs256_need(context != NULL, "EVP_PKEY_CTX_new");
    rs256_need(init(context), "init");
    rs256_need(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING), "padding");
    rs256_need(EVP_PKEY_CTX_set_signature_md(context, rs256->sha256), "digest");
    return context;
}

static void rs256_hash(struct rs256 *rs256, unsigned char hash[32]) {
    unsigned length;
    rs256_need(EVP_DigestInit_ex2(rs256->digest, rs256->sha256, NULL), "EVP_DigestInit_ex2");
    rs256_need(EVP_DigestUpdate(rs256->digest, rs256->message, sizeof rs256->message), "EVP_DigestUpdate");
    rs256_need(EVP_DigestFinal_ex(rs256->digest, hash, &length), "EVP_DigestFinal_ex");
}

static void rs256_make(struct rs256 *rs256) {
    unsigned char hash[32];
    EVP_PKEY *key = EVP_RSA_gen(2048);
    rs256->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    rs256->digest = EVP_MD_CTX_new();
    rs256_need(key && rs256->sha256 && rs256->digest, "EVP_RSA_gen");
    memset(rs256->message, 'e', sizeof rs256->message);
    rs256_hash(rs256, hash);
    EVP_PKEY_CTX *signer = rs256_context(rs256, key, EVP_PKEY_sign_init);
    rs256->signature_length = sizeof rs256->signature;
    rs256_need(EVP_PKEY_sign(signer, rs256->signature, &rs256->signature_length, hash, sizeof hash), "EVP_PKEY_sign");
    EVP_PKEY_CTX_free(signer);
    rs256->verifier = rs256_context(rs256, key, EVP_PKEY_verify_init);
    EVP_PKEY_free(key);
}

static void rs256_verify(struct rs256 *rs256) {
    unsigned char hash[32];
    rs256_hash(rs256, hash);
    rs256_need(
        EVP_PKEY_verify(rs256->verifier, rs256->signature, rs256->signature_length, hash, sizeof hash),
        "EVP_PKEY_verify");
}
