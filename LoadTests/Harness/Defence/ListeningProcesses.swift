import Glibc

extension ProcessUsage {
    /// The processes of this machine that listen on a port of loopback, or of all addresses: those that share the socket
    /// (a master and its workers) are all named, ascending. Nil when there is none, or when we may not see whose it is.
    package static func listening(on port: UInt16) -> [Int32]? {
        var wanted: Set<String> = []
        for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
            guard let text = ProcFile.text(table) else { continue }
            for inode in listeners(in: text, port: port) { wanted.insert("socket:[\(inode)]") }
        }
        guard !wanted.isEmpty else { return nil }
        let processes = (ProcFile.numbers(in: "/proc") ?? []).filter { processID in
            let folder = "/proc/\(processID)/fd"
            return (ProcFile.numbers(in: folder) ?? []).contains { descriptor in
                ProcFile.link("\(folder)/\(descriptor)").map(wanted.contains) ?? false
            }
        }
        return processes.isEmpty ? nil : processes.sorted()
    }

    /// The inodes of the sockets in /proc/net/tcp or tcp6 that listen on this port of loopback or of all addresses.
    static func listeners(in table: String, port: UInt16) -> [UInt64] {
        // As the kernel prints them: words of 32 bits, each in the machine's order.
        let local = [
            "00000000", "0100007F", "00000000000000000000000000000000", "00000000000000000000000001000000",
            "0000000000000000FFFF00000100007F",
        ]
        return table.split(separator: "\n").dropFirst().compactMap { line in
            let fields = line.split(separator: " ")
            guard fields.count > 9, fields[3] == "0A" else { return nil }
            let address = fields[1].split(separator: ":")
            guard address.count == 2, UInt16(address[1], radix: 16) == port, local.contains(String(address[0]))
            else { return nil }
            return UInt64(fields[9])
        }
    }
}
