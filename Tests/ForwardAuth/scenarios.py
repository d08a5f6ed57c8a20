"""What clients try, and what Portcullis and the application must then have seen.

Every scenario runs behind nginx and behind HAProxy, each with the configuration that ships in deploy/.
"""

import base64
import json
import re
import urllib.parse

from client import ask

# The only questions that may ever reach Portcullis.
ANY, ADMIN = "/api/v1/auth/verify/any/", "/api/v1/auth/verify/roles/admin/"
# Paths with which clients try to have one role asked for and another place served.
PATHS = [
    "/", "/a/b", "/..", "/../admin/", "/a/../admin/x", "/./admin/x", "//admin/x", "/a//../admin/x", "/%61dmin/x",
    "/admin%2Fx", "/admin%2fx", "/a/%2e%2e/admin/x", "/%2e%2e%2fadmin%2fx", "/a/..%2fadmin/x", "/a%2f..%2fadmin%2fx",
    "/admin;x/y", "/;/admin/x", "/a;/../admin/x", "/..;/admin/x", "/admin/..;/x", "/a\\..\\admin\\x", "/%5cadmin%5cx",
    "/%252e%252e/admin/x", "/%252fadmin/x", "/admin", "/admin/", "/admin/../x", "/admin/%2e%2e/x", "/admin/..%2fx",
    "/admin/..%2f..%2fapi/v1/auth/verify/any/", "/%00/admin", "/admin%00/x", "/a?roles=reader", "/admin/x?roles=reader",
    "/admin/x?/../../any/", "/a?access_token=x", "/-/portcullis/any", "/-/portcullis/admin", "/api/v1/auth/verify/any/",
    "/admin/x#/../any", "/admin/%0d%0aX-Auth-Roles:%20admin", "/a%0d%0aX-Auth-Roles:%20admin", "/admin/*", "/admin./x",
]


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def bearer(token):
    return f"Authorization: Bearer {token}"


def values(request, name):
    """The values of a field in a noted request, however a lax application spells it."""
    plain = re.sub(r"[-_.]", "-", name.lower())
    return [value for found, value in request[2] if re.sub(r"[-_.]", "-", found.lower()) == plain]


def could_be_admin(target):
    """Whether some application reads this path as one below /admin."""
    path = target.partition("?")[0].partition("#")[0]
    for _ in range(3):
        path = urllib.parse.unquote(path)
    path = re.sub(r";[^/]*", "", path.replace("\\", "/"))
    parts = []
    for part in path.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return bool(parts) and re.sub(r"[\0\s.]+$", "", parts[0].lower()) == "admin" and not parts[0].endswith(".")


def signed_in_or_not(stage):
    """Without a good token nobody gets through, and hears why."""
    for fields, challenge in [
        ([], 'Bearer realm="portcullis"'), ([bearer("x")], 'Bearer realm="portcullis", error="invalid_token"'),
        (["Authorization: Basic YTpi"], 'Bearer realm="portcullis"'),
    ]:
        for method in ("GET", "POST", "DELETE"):
            reply = ask(stage.port, "/a", fields, method)
            stage.equal(f"{fields} {method}", (reply.status, reply.all("www-authenticate")), (401, [challenge]))
    reply = ask(stage.port, "/a", [bearer(stage.tokens["ada"]), bearer(stage.tokens["admin"])])
    stage.true(f"two credentials: {reply.status}", reply.status in (400, 401))
    reply = ask(stage.port, f"/a?access_token={stage.tokens['ada']}")
    stage.equal("a token in the query is none", reply.status, 401)
    stage.equal("the application saw nobody", stage.application.taken(), [])


def roles_are_asked_for(stage):
    for name, path, status in [
        ("ada", "/a", 200), ("bob", "/a", 200), ("admin", "/a", 200), ("admin", "/admin/a", 200),
        ("ada", "/admin/a", 403), ("bob", "/admin/", 403),
    ]:
        reply = ask(stage.port, path, [bearer(stage.tokens[name])])
        stage.equal(f"{name} {path}", reply.status, status)
        if status == 403:
            challenge = 'Bearer realm="portcullis", error="insufficient_scope"'
            stage.equal("the reason", reply.all("www-authenticate"), [challenge])
        seen = stage.application.taken()
        stage.equal(f"{name} {path}: what the application saw", len(seen), 1 if status == 200 else 0)
        stage.equal("the question", [each[1] for each in stage.witness.taken()], [ADMIN if "admin" in path else ANY])


def names_cannot_be_brought_along(stage):
    """The application sees what Portcullis said, once, whatever the client sends under such names."""
    lies = []
    for name in ("Subject", "Roles", "Session"):
        for spelled in (f"X-Auth-{name}", f"x-auth-{name.lower()}", f"X_Auth_{name}", f"X-AUTH-{name.upper()}"):
            lies.append(f"{spelled}: admin")
    lies += ["X-Revocation-Age: 0", "X_Revocation_Age: 0"]
    lies.append("Connection: close, X-Auth-Subject, X-Auth-Roles, Authorization")
    for name in ("ada", "bob"):
        token = stage.tokens[name]
        held = claims(token)
        for path in ("/a", "/a/b?c"):
            reply = ask(stage.port, path, [*lies, bearer(token)], "POST", b"x=1")
            stage.equal(f"{name} {path}", reply.status, 200)
            seen = stage.application.taken()[-1]
            stage.equal("subject", values(seen, "X-Auth-Subject"), [held["sub"]])
            stage.equal("session", values(seen, "X-Auth-Session"), [held["sid"]])
            roles = [value for value in values(seen, "X-Auth-Roles") if value]
            stage.equal("roles", roles, [",".join(held["roles"])] if held["roles"] else [])
            stage.equal("age", values(seen, "X-Revocation-Age"), [])
            stage.equal("the token stays here", values(seen, "Authorization"), [])
    reply = ask(stage.port, "/admin/a", [*lies, bearer(stage.tokens["bob"])])
    stage.equal("a lie opens nothing", (reply.status, stage.application.taken()), (403, []))


def nothing_of_the_request_is_in_the_question(stage):
    """Method, path, query, body and its length, cookies: none of it."""
    token, body = stage.tokens["ada"], b"b" * 100_000
    for method, sent, chunked in [
        ("GET", b"", False), ("POST", body, False), ("PUT", body, True), ("PATCH", b"{}", False),
        ("DELETE", b"x", True), ("OPTIONS", b"", False),
    ]:
        fields = [bearer(token), "Cookie: a=b", "X-Other: c", "Expect-Not: d"]
        reply = ask(stage.port, "/a?roles=admin", fields, method, sent, chunked)
        stage.equal(f"{method}", reply.status, 200)
        question = stage.witness.taken()[-1]
        stage.equal("method, path and body", (question[0], question[1], question[3]), ("GET", ANY, b""))
        # What a proxy may say of itself.
        own = {"user-agent", "accept", "connection", "x-request-id"}
        names = sorted({name.lower() for name, _ in question[2]} - own)
        stage.equal("fields", names, ["authorization", "host", "x-forwarded-for"])
        stage.equal("the address", values(question, "X-Forwarded-For"), ["127.0.0.1"])
        seen = stage.application.taken()[-1]
        stage.equal("the application's", (seen[0], seen[1], seen[3]), (method, "/a?roles=admin", sent))


def addresses_cannot_be_brought_along(stage):
    lies = ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Request-Id: chosen"]
    ask(stage.port, "/a", [bearer(stage.tokens["ada"]), *lies])
    for who, request in (("Portcullis", stage.witness.taken()[-1]), ("application", stage.application.taken()[-1])):
        stage.equal(who, values(request, "X-Forwarded-For"), ["127.0.0.1"])
        stage.equal(who, values(request, "Forwarded"), [])
        stage.true(who, values(request, "X-Request-Id") != ["chosen"])


def paths_move_no_role(stage):
    """Whatever the path: only the two questions are ever asked, and who is no administrator is nowhere served what some
    application could take for a place below /admin."""
    for path in PATHS:
        for prefix in ("", "http://app.example.test"):
            reply = ask(stage.port, prefix + path, [bearer(stage.tokens["ada"])])
            stage.true(f"{prefix}{path}: {reply.status}", reply.status in (200, 301, 400, 403, 404))
            questions, seen = stage.witness.taken(), stage.application.taken()
            stage.true(f"{path}: {questions}", all(each[1] in (ANY, ADMIN) for each in questions))
            stage.true(f"{path} reached the application as {seen}", not any(could_be_admin(each[1]) for each in seen))
            stage.equal(f"{path}: served", bool(seen), reply.status == 200)


def not_knowing_is_503(stage):
    """Neither a sign-out nor an open door."""
    token = bearer(stage.tokens["ada"])
    for script, after in [
        ((503, [("Retry-After", "7")]), "7"), ((503, []), "1"), ((500, []), "1"), ((404, []), "1"),
        ((302, [("Location", "/")]), "1"), ((400, []), "1"), ((429, []), "1"), (b"what?\r\n\r\n", "1"), (b"", "1"),
        ("hang", "1"),
    ]:
        stage.witness.script = script
        for path in ("/a", "/admin/a") if script != "hang" else ("/a",):
            reply = ask(stage.port, path, [token])
            stage.equal(f"{script} {path}", (reply.status, reply.all("retry-after")), (503, [after]))
            stage.equal("no challenge", reply.all("www-authenticate"), [])
    stage.equal("the application saw nobody", stage.application.taken(), [])
    stage.witness.script = (200, [("X-Auth-Subject", "s"), ("X-Auth-Roles", "r"), ("X-Auth-Session", "i"),
                                  ("X-Revocation-Age", "12")])
    ask(stage.port, "/a", [token, "X-Revocation-Age: 0"])
    stage.equal("the age of an answer", values(stage.application.taken()[-1], "X-Revocation-Age"), ["12"])


def what_the_application_says_stays(stage):
    for status in (200, 204, 401, 403, 404, 500, 502, 503):
        reply = ask(stage.port, f"/a?status={status}", [bearer(stage.tokens["ada"])])
        stage.equal(f"{status}", (reply.status, reply.one("x-application")), (status, "yes"))
        stage.equal(f"{status}: its challenge", reply.all("www-authenticate"), ["Own"])


def signed_out_is_out(stage):
    token = stage.portcullis.login("admin", stage.portcullis.admin)
    stage.equal("before", ask(stage.port, "/admin/a", [bearer(token)]).status, 200)
    stage.portcullis.post("auth/logout", {}, token, 204)
    stage.equal("after", ask(stage.port, "/admin/a", [bearer(token)]).status, 401)


def nobody_left_to_ask(stage):
    """Last: it takes Portcullis away."""
    stage.witness.close()
    for path in ("/a", "/admin/a"):
        for fields in ([], [bearer(stage.tokens["ada"])]):
            reply = ask(stage.port, path, fields)
            stage.equal(path, (reply.status, len(reply.all("retry-after"))), (503, 1))


GUARDED = [
    signed_in_or_not, roles_are_asked_for, names_cannot_be_brought_along, nothing_of_the_request_is_in_the_question,
    addresses_cannot_be_brought_along, paths_move_no_role, what_the_application_says_stays, signed_out_is_out,
    not_knowing_is_503, nobody_left_to_ask,
]


def balanced_requests_arrive(stage):
    """Before the nodes themselves: the address is the connection's, and the rest is as the client sent it."""
    lies = ["X-Forwarded-For: 203.0.113.9", "Forwarded: for=203.0.113.9", "X-Request-Id: chosen"]
    token = stage.tokens["ada"]
    for method, target, body in [
        ("GET", "/api/v1/me", b""), ("GET", "/api/v1/auth/verify/any/%2e%2e/x?roles=a", b""),
        ("POST", "/api/v1/auth/login", b'{"username":"a","password":"b"}'),
    ]:
        ask(stage.port, target, [*lies, bearer(token), "Content-Type: application/json"], method, body)
        seen = stage.witness.taken()[-1]
        stage.equal(target, (seen[0], seen[1], seen[3]), (method, target, body))
        stage.equal("the address", values(seen, "X-Forwarded-For"), ["127.0.0.1"])
        stage.equal("its other field", values(seen, "Forwarded"), [])
        stage.true("the id", values(seen, "X-Request-Id") not in ([], ["chosen"]))
        stage.equal("the token", values(seen, "Authorization"), [f"Bearer {token}"])
    stage.equal("a node's answer", ask(stage.port, "/api/v1/me", [bearer(token)]).status, 200)
    stage.witness.script = (503, [("Retry-After", "7")])
    reply = ask(stage.port, "/api/v1/me", [bearer(token)])
    stage.equal("its 503", (reply.status, reply.all("retry-after")), (503, ["7"]))


def no_node_is_503(stage):
    stage.witness.close()
    for method in ("GET", "POST"):
        reply = ask(stage.port, "/api/v1/auth/login", [], method)
        stage.equal(method, (reply.status, len(reply.all("retry-after"))), (503, 1))


BALANCED = [balanced_requests_arrive, no_node_is_503]
