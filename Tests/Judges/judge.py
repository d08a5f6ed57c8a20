"""Two libraries of others judge our tokens and make tokens for us to judge.

    judge.py pyjwt|joserfc verify JWKS_FILE TOKEN_FILE ISSUER AUDIENCE
    judge.py pyjwt|joserfc mint FOLDER ISSUER AUDIENCE
    judge.py pyjwt follow ISSUER AUDIENCE JWKS_URL SECONDS
    judge.py joserfc follow ISSUER AUDIENCE

verify prints the claims and exits 0, or says why not and exits 1. Any other exit code means that the judge is broken.
follow answers each line "token TOKEN" of its input with "good" or "bad REASON", until its input ends. PyJWT fetches the
JWKS itself and keeps it for SECONDS, and answers "fetches" with the seconds between one fetch and the next; joserfc has
no client and takes lines "keys JWKS".
"""

import json
import pathlib
import sys
import time
import traceback
import uuid
import warnings

import joserfc.errors
import joserfc.jwk
import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

# joserfc prefers the name "Ed25519" (RFC 9864); our tokens carry "EdDSA" (RFC 8037), which verifiers know.
warnings.filterwarnings("ignore", message="EdDSA is deprecated")

ALGORITHMS = ["RS256", "ES256", "EdDSA"]
REQUIRED = ["iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "auth_time", "jti", "sid"]


def claims_by_case(issuer, audience):
    """What a token of each case says; all but the good one must be refused."""
    now = int(time.time())

    def claims(at=now, iss=issuer, aud=audience):
        return {
            "iss": iss, "aud": aud, "sub": str(uuid.uuid4()), "client_id": "portcullis", "iat": at, "nbf": at - 5,
            "exp": at + 900, "auth_time": at, "jti": str(uuid.uuid4()), "sid": str(uuid.uuid4()),
            "roles": ["admin", "reports:read"], "ver": 3, "gen": 1,
        }

    return {
        "good": claims(),
        "expired": claims(at=now - 960),
        "early": claims(at=now + 960),
        "issuer": claims(iss=issuer + "/"),
        "audience": claims(aud=audience + "/"),
    }


class PyJWTJudge:
    refusals = (jwt.PyJWTError,)

    def verify(self, jwks, token, issuer, audience):
        header = jwt.get_unverified_header(token)
        keys = {key.key_id: key for key in jwt.PyJWKSet.from_json(jwks)}
        if header.get("kid") not in keys:
            raise jwt.InvalidKeyError("unknown kid")
        key = keys[header["kid"]]
        return jwt.decode(
            token, key, algorithms=[key.algorithm_name], issuer=issuer, audience=audience, options={"require": REQUIRED}
        )

    def mint(self, issuer, audience):
        private_keys = {
            "RS256": rsa.generate_private_key(65537, 2048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }
        writers = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
        jwks, tokens = [], {}
        for algorithm, key in private_keys.items():
            kid = f"pyjwt-{algorithm}"
            public = writers[algorithm].to_jwk(key.public_key(), as_dict=True)
            jwks.append({**public, "kid": kid, "alg": algorithm, "use": "sig"})
            for case, claims in claims_by_case(issuer, audience).items():
                headers = {"kid": kid, "typ": "at+jwt"}
                tokens[algorithm, case] = jwt.encode(claims, key, algorithm=algorithm, headers=headers)
        return {"keys": jwks}, tokens


class PyJWTFollower(jwt.PyJWKClient):
    """PyJWT's own client, which notes when it fetches."""

    def __init__(self, issuer, audience, url, seconds):
        super().__init__(url, lifespan=float(seconds))
        self.issuer, self.audience, self.fetches = issuer, audience, []

    def fetch_data(self):
        self.fetches.append(time.monotonic())
        return super().fetch_data()

    def verify(self, token):
        key = self.get_signing_key_from_jwt(token)
        return jwt.decode(
            token, key, algorithms=[key.algorithm_name], issuer=self.issuer, audience=self.audience,
            options={"require": REQUIRED},
        )

    def answer(self, line):
        return " ".join(f"{after - before:.3f}" for before, after in zip(self.fetches, self.fetches[1:]))


class JoserfcJudge:
    refusals = (joserfc.errors.JoseError, ValueError)

    def verify(self, jwks, token, issuer, audience):
        keys = joserfc.jwk.KeySet.import_key_set(json.loads(jwks))
        verified = joserfc.jwt.decode(token, keys, algorithms=ALGORITHMS)
        expected = {name: {"essential": True} for name in REQUIRED}
        expected["iss"]["value"] = issuer
        expected["aud"]["value"] = audience
        joserfc.jwt.JWTClaimsRegistry(**expected).validate(verified.claims)
        return verified.claims

    def mint(self, issuer, audience):
        makers = {
            "RS256": lambda parameters: joserfc.jwk.RSAKey.generate_key(2048, parameters),
            "ES256": lambda parameters: joserfc.jwk.ECKey.generate_key("P-256", parameters),
            "EdDSA": lambda parameters: joserfc.jwk.OKPKey.generate_key("Ed25519", parameters),
        }
        jwks, tokens = [], {}
        for algorithm, make in makers.items():
            kid = f"joserfc-{algorithm}"
            key = make({"kid": kid, "alg": algorithm, "use": "sig"})
            jwks.append(key.as_dict(private=False))
            for case, claims in claims_by_case(issuer, audience).items():
                claims["aud"] = ["https://other.example", claims["aud"]]
                header = {"alg": algorithm, "kid": kid, "typ": "application/at+jwt"}
                tokens[algorithm, case] = joserfc.jwt.encode(header, claims, key, algorithms=[algorithm])
        return {"keys": jwks}, tokens


class JoserfcFollower(JoserfcJudge):
    def __init__(self, issuer, audience):
        self.issuer, self.audience, self.jwks = issuer, audience, None

    def verify(self, token):
        return JoserfcJudge.verify(self, self.jwks, token, self.issuer, self.audience)

    def answer(self, line):
        self.jwks = line.removeprefix("keys ")
        return "taken"


def follow(follower, refusals):
    for line in map(str.strip, sys.stdin):
        if not line.startswith("token "):
            print(follower.answer(line), flush=True)
            continue
        try:
            follower.verify(line.removeprefix("token "))
            print("good", flush=True)
        except refusals as refusal:
            print(f"bad {type(refusal).__name__}: {refusal}".replace("\n", " "), flush=True)


def main(library, command, *arguments):
    judge = {"pyjwt": PyJWTJudge, "joserfc": JoserfcJudge}[library]()
    if command == "follow":
        follow({"pyjwt": PyJWTFollower, "joserfc": JoserfcFollower}[library](*arguments), judge.refusals)
        return 0
    if command == "verify":
        jwks_file, token_file, issuer, audience = arguments
        jwks, token = pathlib.Path(jwks_file).read_text(), pathlib.Path(token_file).read_text()
        try:
            print(json.dumps(judge.verify(jwks, token, issuer, audience)))
            return 0
        except judge.refusals as refusal:
            print(f"{type(refusal).__name__}: {refusal}", file=sys.stderr)
            return 1
    folder, issuer, audience = arguments
    jwks, tokens = judge.mint(issuer, audience)
    (pathlib.Path(folder) / "jwks.json").write_text(json.dumps(jwks))
    for (algorithm, case), token in tokens.items():
        (pathlib.Path(folder) / f"{algorithm}.{case}.token").write_text(token)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Exception:
        traceback.print_exc()
        sys.exit(2)
