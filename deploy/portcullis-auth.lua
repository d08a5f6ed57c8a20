-- Asks Portcullis who makes a request. See haproxy-auth.cfg.
--
-- Reads   txn.portcullis_roles: the roles that are asked for, any of them; not set: whoever is signed in.
-- Sets    txn.portcullis_status: 200, 401 or 403 as Portcullis answered, and 503 for everything else;
--         txn.portcullis_subject, _role_list, _session and, when it was sent, _age: of a 200;
--         txn.portcullis_challenge: of a 401 or 403; txn.portcullis_retry: seconds, of a 503.
--
-- Of the request only the credentials go to Portcullis, all of them: two are its to refuse. The path is made of what
-- the configuration says; method, path, query and body of the client are not in it.

-- The listener `questions`.
local address = "127.0.0.1:8079"
local verify = "http://" .. address .. "/api/v1/auth/verify/"
-- In milliseconds: more than its three tries may take.
local timeout = 5000

-- The first value of a field, "" when there is none. Fields are lists from 0.
local function first(fields, name)
    local values = fields and fields[name]
    return values and values[0] or ""
end

-- A table of all values of one field of the request.
local function all(txn, name)
    local values, list = txn.http:req_get_headers()[name], {}
    if values then
        local index = 0
        while values[index] do
            list[#list + 1] = values[index]
            index = index + 1
        end
    end
    return list
end

local function portcullis(txn)
    local roles = txn:get_var("txn.portcullis_roles")
    local path = roles and ("roles/" .. roles .. "/") or "any/"
    local fields = {
        ["host"] = { "portcullis" },
        ["x-forwarded-for"] = { txn.f:src() },
        ["x-request-id"] = all(txn, "x-request-id"),
    }
    local credentials = all(txn, "authorization")
    if #credentials > 0 then fields["authorization"] = credentials end

    local answer = core.httpclient():get { url = verify .. path, headers = fields, timeout = timeout }
    local status = answer and answer.status or 0
    local found = answer and answer.headers
    if status == 200 then
        txn:set_var("txn.portcullis_subject", first(found, "x-auth-subject"))
        txn:set_var("txn.portcullis_role_list", first(found, "x-auth-roles"))
        txn:set_var("txn.portcullis_session", first(found, "x-auth-session"))
        local age = first(found, "x-revocation-age")
        if age ~= "" then txn:set_var("txn.portcullis_age", age) end
    elseif status == 401 or status == 403 then
        txn:set_var("txn.portcullis_challenge", first(found, "www-authenticate"))
    else
        status = 503
        local seconds = first(found, "retry-after")
        txn:set_var("txn.portcullis_retry", seconds ~= "" and seconds or "1")
    end
    txn:set_var("txn.portcullis_status", status)
end

core.register_action("portcullis", { "http-req" }, portcullis, 0)
