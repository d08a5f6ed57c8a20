// swift-tools-version: 6.2
import PackageDescription

/// Held by every target of ours: one language mode, one set of features, warnings are errors.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// A Swift module of the house, with what it may import and nothing else.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The suite of one module.
func suite(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    .testTarget(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let persistentTrees: Target.Dependency = .product(name: "HashTreeCollections", package: "swift-collections")
let providers: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let histogram: Target.Dependency = .product(name: "Histogram", package: "hdrhistogram-swift")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "portcullis",
    products: [
        .executable(name: "portcullis", targets: ["portcullis"]),
        .executable(name: "loadtest", targets: ["loadtest"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: ["JSON"]),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    ],
    targets: [
        // C faces: one Swift module each may import them.
        .target(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        // Without pkgConfig: hiredis' file has a flag that SwiftPM refuses.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),

        // Bytes in, values out.
        module("HTTP"),
        module("JSON"),
        module("OpenSSL", ["COpenSSL"]),
        module("JWT", ["OpenSSL", "JSON"]),
        module("Passwords", ["CSodium", "OpenSSL"]),
        module("Auth", ["JWT", "Passwords", "OpenSSL", "JSON", persistentTrees]),

        // File descriptors.
        module("Reactor", ["CLinux"]),
        module("HTTPServer", ["Reactor", "HTTP"]),
        module("Redis", ["Reactor", "OpenSSL", "CHiredis"]),
        module("Postgres", ["Reactor", "CPostgres"]),

        // The server.
        module(
            "AuthServer",
            [
                "HTTPServer", "Redis", "Postgres", "Reactor", "HTTP", "Auth", "JWT", "JSON", "Passwords", "OpenSSL",
                grdb, logging, providers,
            ]),
        .executableTarget(
            name: "portcullis", dependencies: ["AuthServer", "Auth", "HTTP", "JSON", argumentParser],
            swiftSettings: settings),

        // The load-test harness: the client side of the same parts.
        .target(
            name: "LoadTests", dependencies: ["Reactor", "OpenSSL", "HTTP", "JSON", histogram],
            path: "LoadTests/Harness", resources: [.embedInCode("Profiles"), .embedInCode("Page")],
            swiftSettings: settings),
        .executableTarget(
            name: "loadtest", dependencies: ["LoadTests", "Reactor", "HTTP", "JSON", argumentParser],
            path: "LoadTests/Command", swiftSettings: settings),

        // What several suites share.
        .target(
            name: "TestSupport", dependencies: ["Reactor"], path: "Tests/TestSupport", swiftSettings: settings),
        // Our side of the exchange of tokens with other libraries (Tests/Judges/run).
        .executableTarget(
            name: "TokenExchange", dependencies: ["JWT", "OpenSSL", "JSON"], path: "Tests/Judges/Ours",
            swiftSettings: settings),
        // A server whose keys live faster, for the judges of a rotation.
        .executableTarget(
            name: "HastyServer", dependencies: ["AuthServer", "Reactor", "JWT", "Auth"], path: "Tests/Judges/Server",
            swiftSettings: settings),

        // What every implementation of the stores must keep, and a child process to kill while it works.
        .target(
            name: "StoreConformance", dependencies: ["Auth", "JWT", "OpenSSL"], path: "Tests/StoreConformance",
            swiftSettings: settings),
        .executableTarget(
            name: "StoreCrasher", dependencies: ["AuthServer", "Auth", "StoreConformance"], path: "Tests/StoreCrasher",
            swiftSettings: settings),

        // Suites.
        suite("HTTPTests", ["HTTP"]),
        suite("JSONTests", ["JSON"]),
        suite("OpenSSLTests", ["OpenSSL"]),
        suite("JWTTests", ["JWT", "OpenSSL", "JSON"]),
        suite("PasswordsTests", ["Passwords", "TestSupport"]),
        // Of the reactor only its lock, which the thread sanitizer sees.
        suite("AuthTests", ["Auth", "JWT", "OpenSSL", "Passwords", "Reactor", "StoreConformance", "TestSupport"]),
        suite("ReactorTests", ["Reactor", "TestSupport"]),
        suite("HTTPServerTests", ["HTTPServer", "Reactor", "HTTP", "TestSupport"]),
        // On real servers, which scripts/rig starts.
        suite("RedisTests", ["Redis", "Reactor", "OpenSSL", "TestSupport"]),
        suite("PostgresTests", ["Postgres", "Reactor", "TestSupport"]),
        suite(
            "FleetTests",
            [
                "AuthServer", "Redis", "Postgres", "HTTPServer", "Reactor", "HTTP", "Auth", "JWT", "JSON", "OpenSSL",
                "Passwords", "StoreConformance", "TestSupport",
            ]),
        suite(
            "AuthServerTests",
            [
                "AuthServer", "HTTPServer", "Reactor", "HTTP", "Auth", "JWT", "JSON", "OpenSSL", "Passwords",
                "StoreConformance", "StoreCrasher", "TestSupport", grdb, logging,
            ]),
        suite(
            "LoadTestsTests",
            ["LoadTests", "HTTPServer", "Reactor", "OpenSSL", "HTTP", "JSON", "TestSupport", "loadtest", histogram]),
        suite("ProcessTests", ["TestSupport", "JSON", "Reactor", "portcullis"]),
    ]
)

// Fuzz targets exist only when asked for: their flags reach every module, and a package with such flags is nobody's
// dependency. `make fuzz` builds them in a folder of their own.
if Context.environment["PORTCULLIS_FUZZ"] != nil {
    let sanitizers = ["-sanitize=fuzzer,address"]
    for target in package.targets where target.type == .regular && target.swiftSettings != nil {
        target.swiftSettings?.append(.unsafeFlags(sanitizers))
    }

    func fuzzer(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .executableTarget(
            name: "Fuzz\(name)", dependencies: ["Driver"] + dependencies, path: "Fuzz/\(name)",
            swiftSettings: settings + [.unsafeFlags(sanitizers)],
            linkerSettings: [.unsafeFlags(sanitizers + ["-use-ld=lld"])])
    }

    package.targets += [
        .target(name: "CFuzzer", path: "Fuzz/CFuzzer"),
        .target(name: "Driver", dependencies: ["CFuzzer"], path: "Fuzz/Driver", swiftSettings: settings),
        fuzzer("JSON", ["JSON"]),
        fuzzer("RequestParser", ["HTTP"]),
        fuzzer("AccessToken", ["JWT", "OpenSSL"]),
        fuzzer("ProxyProtocol", ["HTTPServer", "Reactor"]),
        fuzzer("Forwarded", ["HTTPServer", "HTTP", "Reactor"]),
        fuzzer("RefreshToken", ["Auth", "JWT", "OpenSSL"]),
        fuzzer("RedisReply", ["Redis"]),
    ]
}
