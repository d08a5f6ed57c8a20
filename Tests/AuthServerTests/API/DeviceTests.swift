import Auth
import AuthServer
import TestSupport
import Testing

/// Device credentials over HTTP: in the body or in a cookie, and what they are good for.
@Suite(.timeLimit(.minutes(5))) struct DeviceTests {
    private static let sameOrigin = "Sec-Fetch-Site: same-origin"
    private static let prefix = "__Host-portcullis-device="
    private static let attributes = "; Path=/; Max-Age=15552000; HttpOnly; Secure; SameSite=Strict"

    private func login(
        _ client: RawClient, _ name: String = "ada", _ password: String = APIServer.password, device: String? = nil,
        delivery: String = "body", _ fields: [String] = []
    ) throws -> RawClient.Reply {
        let token = device.map { #","device_token":"\#($0)""# } ?? ""
        return try client.post(
            "/api/v1/auth/login",
            json: #"{"username":"\#(name)","password":"\#(password)","token_delivery":"\#(delivery)"\#(token)}"#, fields
        )
    }

    /// The device cookie a reply sets; nil without one.
    private func cookie(of reply: RawClient.Reply) -> String? {
        let values = reply.fields.filter { $0.name == "set-cookie" && $0.value.hasPrefix(DeviceTests.prefix) }.map(
            \.value)
        #expect(values.count <= 1 && values.allSatisfy { $0.hasSuffix(DeviceTests.attributes) })
        return values.first.map {
            String($0.dropFirst(DeviceTests.prefix.count).dropLast(DeviceTests.attributes.count))
        }
    }

    @Test func `a login in the body gets a device token, and the same one for as long as it shows it`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let first = try login(client)
            let token = try #require(first["device_token"])
            #expect(token.utf8.count == 87 && cookie(of: first) == nil)
            #expect(try login(client, device: token)["device_token"] == token)
            let form = "username=ada&password=\(APIServer.password.replacing(" ", with: "+"))&device_token=\(token)"
            #expect(try client.post("/api/v1/auth/login", form: form)["device_token"] == token)
            for bad in ["", "x", String(token.dropLast()), String(repeating: "A", count: 5_000)] {
                let reply = try login(client, device: bad)
                #expect(reply.status == 200 && reply["device_token"] != token && reply["device_token"] != bad)
            }
            #expect(try login(client, "ada", "wrong", device: token).status == 401)
            for type in ["1", "true", "[]", "{}"] {
                let json = #"{"username":"ada","password":"x","device_token":\#(type)}"#
                let reply = try client.post("/api/v1/auth/login", json: json)
                #expect(reply.status == 400 && reply.problem == "invalid-body")
            }
            let refreshed = try client.refresh(first.tokens().refresh)
            #expect(refreshed.status == 200 && refreshed["device_token"] == nil)
        }
    }

    @Test func `a login with cookies gets its credential in one, and no new one while that is good`() async throws {
        try await APIServer.run { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let first = try login(client, delivery: "cookie", [DeviceTests.sameOrigin])
            #expect(first.status == 200 && first["device_token"] == nil)
            let credential = try #require(cookie(of: first))
            let shown = "Cookie: a=b; \(DeviceTests.prefix)\(credential)"
            let again = try login(client, delivery: "cookie", [DeviceTests.sameOrigin, shown])
            #expect(again.status == 200 && cookie(of: again) == nil)
            #expect(try login(client, [DeviceTests.sameOrigin, shown])["device_token"] == credential)
            // From another site's page it is no credential.
            for site in [[], ["Sec-Fetch-Site: same-site"], ["Origin: null", DeviceTests.sameOrigin]] {
                #expect(try login(client, site + [shown])["device_token"] != credential)
            }
            for bad in ["x", "a b", "\(credential); \(DeviceTests.prefix)\(credential)"] {
                let reply = try login(
                    client, delivery: "cookie", [DeviceTests.sameOrigin, "Cookie: \(DeviceTests.prefix)\(bad)"])
                #expect(reply.status == 200 && cookie(of: reply) != nil && cookie(of: reply) != credential)
            }
            let moved = try login(client, device: credential, delivery: "cookie", [DeviceTests.sameOrigin])
            #expect(cookie(of: moved) == credential)
        }
    }

    private func login(_ client: RawClient, _ fields: [String]) throws -> RawClient.Reply {
        try login(client, "ada", delivery: "body", fields)
    }

    @Test func `an account that is locked for everybody is open to its known devices`() async throws {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 3
            $0.attemptCaps.knownDevice = 4
        } _: { server in
            try await server.makeUser("ada")
            try await server.makeUser("bob")
            let client = try server.client()
            let token = try #require(try login(client)["device_token"])
            let bobs = try #require(try login(client, "bob")["device_token"])
            for _ in 0..<3 { #expect(try login(client, "ada", "wrong").status == 401) }
            #expect(try login(client).status == 401)
            #expect(try login(client, device: bobs).status == 401)
            #expect(try login(client, device: token).status == 200)
            // Its own failures hold it in the end, and it alone.
            let other = try #require(try login(client, device: token)["device_token"])
            #expect(other == token)
            for _ in 0..<4 { #expect(try login(client, "ada", "wrong", device: token).status == 401) }
            #expect(try login(client, device: token).status == 401)
        }
    }

    @Test func `a change of one's password takes the credential as a login does`() async throws {
        try await APIServer.run {
            $0.attemptCaps.unknownDevices = 2
        } _: { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let first = try login(client)
            let (access, token) = (try first.tokens().access, try #require(first["device_token"]))
            func change(_ old: String, _ new: String, device: String) throws -> RawClient.Reply {
                let json = #"{"old_password":"\#(old)","new_password":"\#(new)","device_token":"\#(device)"}"#
                return try client.post("/api/v1/auth/password", json: json, ["Authorization: Bearer \(access)"])
            }
            let new = "an owl that knits at noon"
            for _ in 0..<2 { #expect(try login(client, "ada", "wrong").status == 401) }
            #expect(try change(APIServer.password, new, device: "x").status == 403)
            let changed = try change(APIServer.password, new, device: token)
            #expect(changed.status == 200 && changed["device_token"] == token)
            #expect(try login(client, "ada", new, device: token).status == 200)
        }
    }

    @Test func `a rotated device key's tokens are good and replaced, a compromised one's make new devices`()
        async throws
    {
        try await APIServer.run {
            $0.keyRing.publicationMilliseconds = 0
        } _: { server in
            try await server.makeUser("ada")
            let client = try server.client()
            let admin = try Administrator(server)
            let first = try #require(try login(client)["device_token"])
            try admin.rotated(#"{"purpose":"device"}"#)
            let second = try #require(try login(client, device: first)["device_token"])
            #expect(second != first)
            #expect(try login(client, device: second)["device_token"] == second)
            // Same device: version, then eight bytes of the key's id, then the device.
            #expect(second.dropFirst(12).prefix(20) == first.dropFirst(12).prefix(20))
            try admin.rotated(#"{"purpose":"device","compromised":true}"#)
            let third = try #require(try login(client, device: second)["device_token"])
            #expect(third.dropFirst(12).prefix(20) != second.dropFirst(12).prefix(20))
        }
    }
}
