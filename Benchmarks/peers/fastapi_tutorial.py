#!/usr/bin/env python3
"""What FastAPI's tutorial on security builds, written anew and grown by what people add to it next.

The tutorial: users in a dictionary, OAuth2's password form at `POST /token`, bcrypt, a JWT made by python-jose,
`GET /users/me` for who holds one. Added: `jti` with revocation in Redis, refresh tokens in a cookie that change with
each use, roles, and a limit on logins. One process of uvicorn with uvloop and httptools.

With `--trust FILE` it makes no tokens of its own but takes RS256 tokens of the issuer whose JWKS is in the file. The
secret of HS256 is that of TUTORIAL_SECRET, without it a random one.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import secrets
import time
from typing import Annotated

import argon2
import bcrypt
import redis.asyncio as redis
import uvicorn
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import Cookie, Depends, FastAPI, HTTPException, Request, Response
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm
from jose import JWTError, jwk, jwt
from pydantic import BaseModel, Field

ACCESS_SECONDS = 15 * 60
REFRESH_SECONDS = 14 * 24 * 3600
# bcrypt takes no more.
BCRYPT_BYTES = 72


class Bcrypt:
    """The tutorial's hash."""

    def __init__(self, cost):
        self.cost = cost

    def make(self, password):
        return bcrypt.hashpw(password.encode(), bcrypt.gensalt(rounds=self.cost))

    @staticmethod
    def matches(password, hashed):
        return len(password.encode()) <= BCRYPT_BYTES and bcrypt.checkpw(password.encode(), hashed)


class Argon2:
    """argon2id as Portcullis has it: 19 MiB, two passes, one lane."""

    hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

    def make(self, password):
        return self.hasher.hash(password)

    def matches(self, password, hashed):
        try:
            return self.hasher.verify(hashed, password)
        except argon2.exceptions.VerifyMismatchError:
            return False


class Signer:
    """The keys. They are made of their text once, not with each token."""

    def __init__(self, options):
        self.algorithm, self.issuer, self.audience = options.algorithm, options.issuer, options.audience
        if options.trust:
            keys = json.loads(pathlib.Path(options.trust).read_text(encoding="utf-8"))["keys"]
            self.algorithm = "RS256"
            self.verifying = {key["kid"]: jwk.construct(key, "RS256") for key in keys}
        elif self.algorithm == "RS256":
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            self.signing = jwk.construct(pem, "RS256")
            self.verifying = {"own": self.signing.public_key()}
        else:
            self.signing = jwk.construct(os.environ.get("TUTORIAL_SECRET") or secrets.token_hex(32), "HS256")
            self.verifying = {"own": self.signing}

    def sign(self, claims):
        claims = {"iss": self.issuer, "aud": self.audience, **claims}
        return jwt.encode(claims, self.signing, algorithm=self.algorithm, headers={"kid": "own"})

    def claims(self, token):
        """Raises JWTError when the token is not good now."""
        key = self.verifying.get(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise JWTError("unknown key")
        return jwt.decode(
            token, key, algorithms=[self.algorithm], options={"require_exp": True}, issuer=self.issuer,
            audience=self.audience)


@dataclasses.dataclass
class User:
    username: str
    hashed: str | bytes
    roles: list[str]


class Registration(BaseModel):
    username: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=8, max_length=64)


class Tutorial:
    def __init__(self, options):
        self.options = options
        self.hash = Argon2() if options.hash == "argon2id" else Bcrypt(options.bcrypt_cost)
        self.signer, self.users = Signer(options), {}
        # Compared with when there is no such user, so that a wrong name takes as long as a wrong password.
        self.dummy = self.hash.make(secrets.token_hex(16))
        self.redis = redis.from_url(options.redis, decode_responses=True)

    def register(self, registration):
        if registration.username in self.users:
            raise HTTPException(409, "Username already registered")
        if self.options.hash == "bcrypt" and len(registration.password.encode()) > BCRYPT_BYTES:
            raise HTTPException(422, "Password has more than 72 bytes")
        hashed = self.hash.make(registration.password)
        self.users[registration.username] = User(registration.username, hashed, ["user"])

    def authenticate(self, username, password):
        """On the event loop, as in the tutorial: whoever else asks waits until the hash is there."""
        user = self.users.get(username)
        matches = self.hash.matches(password, user.hashed if user else self.dummy)
        return user if user and matches else None

    async def limit(self, address):
        if not self.options.logins_per_minute:
            return
        key = f"logins:{address}:{int(time.time() // 60)}"
        async with self.redis.pipeline(transaction=False) as pipeline:
            count, _ = await pipeline.incr(key).expire(key, 60).execute()
        if count > self.options.logins_per_minute:
            raise HTTPException(429, "Too many logins", {"Retry-After": "60"})

    async def reply(self, response, username, roles, session):
        """A new access token in the body, a new refresh token in the cookie."""
        now, refresh = int(time.time()), secrets.token_urlsafe(32)
        await self.redis.set(refresh_key(refresh), f"{session} {username}", ex=REFRESH_SECONDS)
        response.set_cookie(
            "refresh_token", refresh, max_age=REFRESH_SECONDS, path="/refresh", httponly=True, samesite="strict")
        token = self.signer.sign({
            "sub": username, "iat": now, "exp": now + ACCESS_SECONDS, "jti": secrets.token_hex(16), "sid": session,
            "roles": roles})
        return {"access_token": token, "token_type": "bearer"}

    async def refreshed(self, response, refresh):
        # GETDEL: of two that come with the same token one has it.
        found = await self.redis.getdel(refresh_key(refresh)) if refresh else None
        session, _, username = (found or "").partition(" ")
        user = self.users.get(username)
        if user is None or await self.redis.exists(f"ended:{session}"):
            raise unauthorized()
        return await self.reply(response, user.username, user.roles, session)

    async def claims(self, token):
        try:
            claims = self.signer.claims(token)
        except JWTError:
            raise unauthorized() from None
        if await self.redis.exists(f"revoked:{claims.get('jti')}"):
            raise unauthorized()
        return claims

    async def end(self, claims):
        remaining = max(1, claims["exp"] - int(time.time()))
        async with self.redis.pipeline(transaction=False) as pipeline:
            pipeline.set(f"revoked:{claims['jti']}", 1, ex=remaining)
            await pipeline.set(f"ended:{claims['sid']}", 1, ex=REFRESH_SECONDS).execute()

    def who(self, claims):
        if self.options.trust:
            return {"username": claims["sub"], "roles": claims.get("roles", [])}
        user = self.users.get(claims.get("sub"))
        if user is None:
            raise unauthorized()
        return {"username": user.username, "roles": user.roles}


def refresh_key(refresh):
    return "refresh:" + hashlib.sha256(refresh.encode()).hexdigest()


def unauthorized():
    return HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})


def application(tutorial):
    app = FastAPI()
    bearer = OAuth2PasswordBearer(tokenUrl="token")

    async def claims(token: Annotated[str, Depends(bearer)]) -> dict:
        return await tutorial.claims(token)

    @app.get("/users/me")
    async def me(claims: Annotated[dict, Depends(claims)]):
        return tutorial.who(claims)

    if tutorial.options.trust:
        return app

    @app.post("/token")
    async def token(form: Annotated[OAuth2PasswordRequestForm, Depends()], request: Request, response: Response):
        await tutorial.limit(request.client.host)
        user = tutorial.authenticate(form.username, form.password)
        if user is None:
            raise unauthorized()
        return await tutorial.reply(response, user.username, user.roles, secrets.token_hex(16))

    @app.post("/register", status_code=201)
    async def register(registration: Registration):
        tutorial.register(registration)
        return {"username": registration.username}

    @app.post("/refresh")
    async def refresh(response: Response, refresh_token: Annotated[str | None, Cookie()] = None):
        return await tutorial.refreshed(response, refresh_token)

    @app.post("/logout", status_code=204)
    async def logout(claims: Annotated[dict, Depends(claims)]):
        await tutorial.end(claims)

    return app


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True, help="on 127.0.0.1")
    parser.add_argument("--redis", required=True, metavar="URL", help="redis://user:password@host:port/0")
    parser.add_argument("--algorithm", choices=["HS256", "RS256"], default="HS256")
    parser.add_argument("--hash", choices=["bcrypt", "argon2id"], default="bcrypt")
    parser.add_argument("--bcrypt-cost", type=int, choices=range(4, 18), default=12, metavar="N", help="4 to 17 (12)")
    parser.add_argument("--logins-per-minute", type=int, default=0, help="from one address; 0: no limit")
    parser.add_argument("--trust", metavar="FILE", help="a JWKS whose tokens are taken instead of our own")
    parser.add_argument("--issuer", default="tutorial", help="that tokens must be from")
    parser.add_argument("--audience", default="tutorial", help="that tokens must be for")
    options = parser.parse_args()
    uvicorn.run(
        application(Tutorial(options)), host="127.0.0.1", port=options.port, workers=1, loop="uvloop",
        http="httptools", access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
