"""What pages do, their own and strangers', and what must come of it.

`OWN` is the origin of the API and of the application's page. `app` is another origin of the same site that is allowed;
`partner` one of another site that is allowed; `news` one of the same site that is not; `evil` a stranger.
"""

import json

from chromium import value

OWN = "https://id.example.test"
APP = "https://app.example.test"
PARTNER = "https://partner.test"
NEWS = "https://news.example.test"
EVIL = "https://evil.test"
ALLOWED = [APP, PARTNER]
OWN_HOSTS = {"id.example.test", "localhost", "127.0.0.1"}
COOKIE = "__Host-portcullis-refresh"
TABS = 20

# ask(): what a page sees of a request. post(): a form, in a frame or as the whole tab.
HELPERS = """
const ask = async (url, options = {}) => {
    try {
        const answer = await fetch(url, {method: 'POST', ...options});
        const text = await answer.text();
        return {status: answer.status, type: answer.type, body: text && JSON.parse(text),
            fields: Object.fromEntries(answer.headers)};
    } catch (error) { return {error: error.name}; }
};
const json = body => ({body: JSON.stringify(body), headers: {'Content-Type': 'application/json'}});
const bearer = token => ({headers: {Authorization: 'Bearer ' + token}});
const post = (url, fields, target) => {
    const form = Object.assign(document.createElement('form'), {method: 'POST', action: url, target});
    for (const [name, value] of Object.entries(fields)) {
        form.append(Object.assign(document.createElement('input'), {type: 'hidden', name, value}));
    }
    document.body.append(form);
    form.submit();
};
"""


class Stage:
    """All that a scenario works with. The last tab is closed and every cookie is gone before the next one."""

    def __init__(self, checks, browser, front, plain, password):
        self.checks, self.browser, self.front, self.plain = checks, browser, front, plain
        self.login = {"username": "admin", "password": password, "token_delivery": "cookie"}
        self.tabs = []

    def clear(self):
        for tab in self.tabs:
            tab.close()
        self.tabs = []
        self.browser.clear_cookies()
        self.front.forget()
        self.plain.forget()

    def tab(self, origin):
        tab = self.browser.tab(origin + "/")
        self.tabs.append(tab)
        return tab

    def signed_in(self, origin=OWN):
        """A tab of the application whose user has signed in."""
        tab = self.tab(origin)
        answer = ask(tab, "/api/v1/auth/login", f"json({json.dumps(self.login)})")
        self.checks.equal("login", answer.get("status"), 200)
        self.front.forget()
        return tab

    def cookie(self):
        return self.browser.cookies().get(COOKIE, {}).get("value")

    def still_signed_in(self, tab):
        self.checks.equal("still signed in", ask(tab, "/api/v1/auth/refresh").get("status"), 200)


def script(text):
    return "(async () => {" + HELPERS + text + "})()"


def ask(tab, url, options="{}"):
    return tab.run(script(f"return ask({json.dumps(url)}, {options})"))


# Its own pages.


def a_page_signs_in_and_its_scripts_never_see_the_cookie(stage):
    checks, tab = stage.checks, stage.tab(OWN)
    answer = ask(tab, "/api/v1/auth/login", f"json({json.dumps(stage.login)})")
    checks.equal("login", answer["status"], 200)
    checks.equal("what the body has", sorted(answer["body"]), ["access_token", "expires_in", "token_type"])
    checks.equal("Set-Cookie in script", answer["fields"].get("set-cookie"), None)
    checks.equal("cookies in script", tab.run("document.cookie"), "")
    checks.equal("cookieStore in script", tab.run("cookieStore.getAll().then(all => all.length)"), 0)
    cookie = stage.browser.cookies()[COOKIE]
    kept = {name: cookie.get(name) for name in ["domain", "path", "httpOnly", "secure", "sameSite", "session"]}
    checks.equal("the cookie", kept, {
        "domain": "id.example.test", "path": "/", "httpOnly": True, "secure": True, "sameSite": "Strict",
        "session": False})
    tab.run(f"document.cookie = '{COOKIE}=forged; Path=/; Secure'")
    checks.equal("a script cannot replace it", stage.cookie(), cookie["value"])
    tab.run(f"document.cookie = '{COOKIE}=; Path=/; Secure; Max-Age=0'")
    checks.equal("a script cannot remove it", stage.cookie(), cookie["value"])


def a_reload_goes_on_with_the_session(stage):
    checks, tab = stage.checks, stage.signed_in()
    tab.reload()
    answer = ask(tab, "/api/v1/auth/refresh")
    seen = stage.front.seen("refresh")
    checks.equal("what the browser sent", (seen.origin, seen.site, seen.has_cookie), (OWN, "same-origin", True))
    checks.equal("refresh", answer["status"], 200)
    checks.equal("no refresh token in the body", "refresh_token" in answer["body"], False)
    token = answer["body"]["access_token"]
    me = ask(tab, "/api/v1/me", f"{{method: 'GET', ...bearer({token!r})}}")
    checks.equal("me", (me["status"], me["body"].get("username")), (200, "admin"))
    checks.equal("no CORS where there is no other origin", seen.cors, False)


def twenty_tabs_refresh_at_once_and_none_is_signed_out(stage):
    checks = stage.checks
    stage.signed_in()
    tabs = [stage.tab(OWN) for _ in range(TABS)]
    for round in range(3):
        before = stage.cookie()
        running = [tab.begin(script("return ask('/api/v1/auth/refresh')")) for tab in tabs]
        statuses = [value(each).get("status") for each in running]
        checks.equal(f"round {round}", statuses, [200] * TABS)
        # A first use rotates, then the same one is given again.
        checks.equal(f"rotated in round {round}", stage.cookie() != before, round == 0)
    checks.equal("one more", ask(tabs[-1], "/api/v1/auth/refresh")["status"], 200)


def a_logout_clears_the_cookie_and_ends_the_session(stage):
    checks, tab = stage.checks, stage.signed_in()
    token = ask(tab, "/api/v1/auth/refresh")["body"]["access_token"]
    checks.equal("logout", ask(tab, "/api/v1/auth/logout")["status"], 204)
    checks.equal("the cookie", stage.cookie(), None)
    me = ask(tab, "/api/v1/me", f"{{method: 'GET', ...bearer({token!r})}}")
    checks.equal("the access token", me["status"], 401)
    tab.reload()
    checks.equal("refresh after it", ask(tab, "/api/v1/auth/refresh")["status"], 400)
    checks.equal("logout after it", ask(tab, "/api/v1/auth/logout")["status"], 401)


def a_page_that_always_sends_its_access_token_signs_out_as_well(stage):
    checks = stage.checks
    for target in ["logout", "logout-all"]:
        tab = stage.signed_in()
        token = ask(tab, "/api/v1/auth/refresh")["body"]["access_token"]
        checks.equal(target, ask(tab, f"/api/v1/auth/{target}", f"bearer({token!r})")["status"], 204)
        checks.equal(f"the cookie after {target}", stage.cookie(), None)
        me = ask(tab, "/api/v1/me", f"{{method: 'GET', ...bearer({token!r})}}")
        checks.equal(f"the access token after {target}", me["status"], 401)


# Pages of other origins that are allowed.


def an_allowed_origin_of_the_same_site_uses_the_cookie(stage):
    checks, tab = stage.checks, stage.tab(APP)
    api = OWN + "/api/v1"
    with_cookie = "credentials: 'include'"
    answer = ask(tab, api + "/auth/login", f"{{...json({json.dumps(stage.login)}), {with_cookie}}}")
    checks.equal("login", answer.get("status"), 200)
    checks.equal("a preflight came first", [each.path for each in stage.front.preflights()], ["login"])
    checks.true("the cookie is kept", stage.cookie())
    seen = stage.front.seen("login")
    checks.equal("what the browser sent", (seen.origin, seen.site), (APP, "same-site"))
    checks.equal("readable besides the body", set(answer["fields"]) & {"x-request-id", "set-cookie"}, {"x-request-id"})
    answer = ask(tab, api + "/auth/refresh", f"{{{with_cookie}}}")
    checks.equal("refresh", answer.get("status"), 200)
    token = answer["body"]["access_token"]
    me = ask(tab, api + "/me", f"{{method: 'GET', ...bearer({token!r})}}")
    checks.equal("me", (me.get("status"), me.get("body", {}).get("username")), (200, "admin"))
    bad = ask(tab, api + "/me", "{method: 'GET', ...bearer('bad')}")
    checks.equal("an error can be read", (bad.get("status"), bad.get("body", {}).get("type")),
                 (401, "urn:portcullis:problem:invalid-token"))
    checks.true("with its challenge and id", {"www-authenticate", "x-request-id"} <= set(bad.get("fields", {})))
    checks.equal("logout", ask(tab, api + "/auth/logout", f"{{{with_cookie}}}").get("status"), 204)
    checks.equal("the cookie after it", stage.cookie(), None)


def an_allowed_origin_reads_when_to_try_again(stage):
    checks, tab = stage.checks, stage.tab(APP)
    wrong = json.dumps({"username": "nobody", "password": "wrong wrong wrong"})
    answers = [ask(tab, OWN + "/api/v1/auth/login", f"json({wrong})") for _ in range(6)]
    checks.equal("statuses", [each.get("status") for each in answers], [401] * 5 + [429])
    checks.true("Retry-After", int(answers[-1].get("fields", {}).get("retry-after", 0)) > 0)


def an_allowed_origin_of_another_site_has_tokens_but_no_cookie(stage):
    """SameSite=Strict: the browser neither keeps nor sends the cookie there, whatever we allow."""
    checks, tab = stage.checks, stage.tab(PARTNER)
    api = OWN + "/api/v1"
    body = ask(tab, api + "/auth/login", f"json({json.dumps({**stage.login, 'token_delivery': 'body'})})")
    checks.equal("login without a cookie", body.get("status"), 200)
    token = body["body"]["access_token"]
    me = ask(tab, api + "/me", f"{{method: 'GET', ...bearer({token!r})}}")
    checks.equal("me", me.get("status"), 200)
    refresh = ask(tab, api + "/auth/refresh", f"json({json.dumps({'refresh_token': body['body']['refresh_token']})})")
    checks.equal("refresh without a cookie", refresh.get("status"), 200)
    login = ask(tab, api + "/auth/login", f"{{...json({json.dumps(stage.login)}), credentials: 'include'}}")
    checks.equal("login", login.get("status"), 200)
    checks.equal("the cookie", stage.cookie(), None)
    stage.signed_in()
    refresh = ask(tab, api + "/auth/refresh", "{credentials: 'include'}")
    checks.equal("refresh", refresh.get("status"), 400)
    checks.equal("the browser sent no cookie", stage.front.seen("refresh").has_cookie, False)


# Pages of other origins that are not.


def attack(stage, origin, site, has_cookie):
    """Everything a page can send without being asked; `has_cookie`: the browser sends the cookie along."""
    checks, victim = stage.checks, stage.signed_in()
    cookie = stage.cookie()
    tab, api, front = stage.tab(origin), OWN + "/api/v1", stage.front
    mine = {**stage.login, "token_delivery": "cookie"}

    def expect(what, target, statuses):
        seen = front.seen(target)
        checks.equal(f"{what}: what the browser sent", (seen.site, seen.has_cookie), (site, has_cookie))
        checks.true(f"{what}: refused with {seen.status}", seen.status in statuses)
        checks.equal(f"{what}: no cookie set, no CORS", (seen.sets_cookie, seen.cors), (False, False))
        checks.equal(f"{what}: the cookie", stage.cookie(), cookie)
        front.forget()

    for target in ["refresh", "logout"]:
        answer = ask(tab, f"{api}/auth/{target}", "{credentials: 'include'}")
        checks.equal(f"{target} cannot be read", answer, {"error": "TypeError"})
        # Without a cookie there is no token at all; with it, it is the wrong page's.
        expect(f"fetch {target}", target, {403} if has_cookie else {400, 401})
    for target, body in [("refresh", {"refresh_token": "x"}), ("login", mine)]:
        answer = ask(tab, f"{api}/auth/{target}", f"{{...json({json.dumps(body)}), credentials: 'include'}}")
        checks.equal(f"JSON {target}", answer, {"error": "TypeError"})
        checks.equal(f"JSON {target}: preflights", len(front.preflights()), 1)
        checks.equal(f"JSON {target}: nothing came after it", front.requests(target), [])
        checks.equal(f"JSON {target}: no CORS", front.preflights()[0].cors, False)
        front.forget()
    text = f"{{mode: 'no-cors', credentials: 'include', body: {json.dumps(json.dumps(mine))}}}"
    checks.equal("text/plain login is opaque", ask(tab, f"{api}/auth/login", text), opaque(tab))
    expect("text/plain login", "login", {415})
    form = f"{{mode: 'no-cors', credentials: 'include', body: new URLSearchParams({json.dumps(mine)})}}"
    ask(tab, f"{api}/auth/login", form)
    expect("login CSRF by fetch", "login", {403})
    tab.run(script(f"""
        const frame = Object.assign(document.createElement('iframe'), {{name: 'frame'}});
        document.body.append(frame);
        post('{api}/auth/login', {json.dumps(mine)}, 'frame');"""))
    expect("login CSRF by a form in a frame", "login", {403})
    tab.run(script(f"document.body.append(Object.assign(new Image(), {{src: '{api}/auth/logout'}}))"))
    expect("an image", "logout", {405})
    for target, fields, statuses in [
        ("logout", {}, {403} if has_cookie else {401}), ("login", mine, {403}),
    ]:
        tab.run(script(f"post('{api}/auth/{target}', {json.dumps(fields)}, '')"))
        expect(f"a form for the whole tab, {target}", target, statuses)
        tab.open(origin + "/")
    stage.still_signed_in(victim)


def opaque(tab):
    """What a page sees of an answer that it may not read."""
    return {"status": 0, "type": "opaque", "body": "", "fields": {}}


def a_stranger_cannot_use_the_session_nor_start_another(stage):
    attack(stage, EVIL, "cross-site", False)


def a_neighbour_of_the_same_site_cannot_either_although_the_cookie_is_sent(stage):
    attack(stage, NEWS, "same-site", True)


def a_frame_without_an_origin_is_nobodys_page(stage):
    checks, victim = stage.checks, stage.signed_in()
    login = json.dumps(stage.login)
    for origin, tab in [("its own", victim), ("an allowed one's", stage.tab(APP))]:
        before = stage.cookie()
        tab.run(script(f"""
            const inside = `<script>fetch('{OWN}/api/v1/auth/login', {{method: 'POST', mode: 'no-cors',
                credentials: 'include', body: new URLSearchParams({login})}})</` + `script>`;
            document.body.append(Object.assign(document.createElement('iframe'),
                {{sandbox: 'allow-scripts', srcdoc: inside}}));"""))
        seen = stage.front.seen("login")
        checks.equal(f"{origin}: sent and refused", (seen.origin, seen.status, seen.sets_cookie), ("null", 403, False))
        checks.equal(f"{origin}: the cookie", stage.cookie(), before)
        stage.front.forget()


def a_stranger_with_an_access_token_learns_nothing_by_script(stage):
    checks, tab = stage.checks, stage.signed_in()
    token = ask(tab, "/api/v1/auth/refresh")["body"]["access_token"]
    stage.front.forget()
    evil = stage.tab(EVIL)
    answer = ask(evil, OWN + "/api/v1/me", f"{{method: 'GET', ...bearer({token!r})}}")
    checks.equal("me", answer, {"error": "TypeError"})
    checks.equal("only its preflight came", (len(stage.front.preflights()), stage.front.requests("me")), (1, []))


def a_link_from_elsewhere_leads_to_a_page_that_is_signed_in(stage):
    """The first request has no cookie (Strict); the page then asks from its own origin."""
    stage.signed_in()
    tab = stage.tab(EVIL)
    tab.run(f"location.href = '{OWN}/'")
    tab.settled(OWN + "/")
    stage.still_signed_in(tab)


# Without TLS.


def on_the_developers_own_machine_it_works_without_TLS(stage):
    checks = stage.checks
    for host in ["localhost", "127.0.0.1"]:
        origin = f"http://{host}:{stage.plain.port}"
        tab = stage.tab(origin)
        answer = ask(tab, "/api/v1/auth/login", f"json({json.dumps(stage.login)})")
        checks.equal(f"login on {host}", answer.get("status"), 200)
        checks.equal(f"what the browser sent to {host}", stage.plain.seen("login").site, "same-origin")
        checks.true(f"the cookie of {host}", stage.cookie())
        checks.equal(f"refresh on {host}", ask(tab, "/api/v1/auth/refresh").get("status"), 200)
        checks.equal(f"logout on {host}", ask(tab, "/api/v1/auth/logout").get("status"), 204)
        checks.equal(f"the cookie of {host} after it", stage.cookie(), None)


def elsewhere_there_is_no_cookie_without_TLS(stage):
    checks = stage.checks
    tab = stage.tab(f"http://id.example.test:{stage.plain.port}")
    answer = ask(tab, "/api/v1/auth/login", f"json({json.dumps(stage.login)})")
    checks.equal("login", (answer.get("status"), stage.plain.seen("login").site), (403, None))
    checks.equal("the cookie", stage.cookie(), None)


ALL = [
    a_page_signs_in_and_its_scripts_never_see_the_cookie,
    a_reload_goes_on_with_the_session,
    twenty_tabs_refresh_at_once_and_none_is_signed_out,
    a_logout_clears_the_cookie_and_ends_the_session,
    a_page_that_always_sends_its_access_token_signs_out_as_well,
    an_allowed_origin_of_the_same_site_uses_the_cookie,
    an_allowed_origin_reads_when_to_try_again,
    an_allowed_origin_of_another_site_has_tokens_but_no_cookie,
    a_stranger_cannot_use_the_session_nor_start_another,
    a_neighbour_of_the_same_site_cannot_either_although_the_cookie_is_sent,
    a_frame_without_an_origin_is_nobodys_page,
    a_stranger_with_an_access_token_learns_nothing_by_script,
    a_link_from_elsewhere_leads_to_a_page_that_is_signed_in,
    on_the_developers_own_machine_it_works_without_TLS,
    elsewhere_there_is_no_cookie_without_TLS,
]
