import OpenSSL

/// A Lua script over one key, called by the name that Redis gives it: the SHA-1 of its source. A digest here is a name and
/// nothing rests on its strength.
package struct RedisScript: Sendable {
    let source: [UInt8]
    /// 40 hexadecimal digits; nil where OpenSSL has no SHA-1, and then every call carries the source.
    let name: [UInt8]?

    package init(_ source: String) {
        let source = Array(source.utf8)
        let digits = Array("0123456789abcdef".utf8)
        self.source = source
        do throws(OpenSSLError) {
            name = try SHA1.hash(source.span.bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        } catch {
            name = nil
        }
    }

    /// One call of a script.
    package struct Call: Sendable {
        package let script: RedisScript
        package let key: [UInt8]
        package let arguments: [[UInt8]]

        package init(_ script: RedisScript, key: [UInt8], arguments: [[UInt8]]) {
            self.script = script
            self.key = key
            self.arguments = arguments
        }

        /// By name, as long as Redis knows it.
        var command: RedisCommand {
            guard let name = script.name else { return commandWithSource }
            return RedisCommand([Call.evalSHA, name, Call.one, key] + arguments)
        }

        /// With the source, which Redis then knows by name.
        var commandWithSource: RedisCommand { RedisCommand([Call.eval, script.source, Call.one, key] + arguments) }

        private static let evalSHA = Array("EVALSHA".utf8)
        private static let eval = Array("EVAL".utf8)
        /// The number of keys.
        private static let one = Array("1".utf8)
    }
}
