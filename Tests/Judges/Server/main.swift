import Auth
import AuthServer
import Foundation
import JWT
import Reactor

// A server whose keys live faster, for the judges of a rotation: what takes minutes takes as many seconds.
//
//     HastyServer FOLDER PASSWORD HASTE
//
// All times of the key rings, and the life of an access token, are divided by HASTE. Prints its address when it answers,
// and ends with its standard input.

guard CommandLine.arguments.count == 4, let haste = Int64(CommandLine.arguments[3]), (1...600).contains(haste) else {
    FileHandle.standardError.write(Data("usage: HastyServer FOLDER PASSWORD HASTE\n".utf8))
    exit(2)
}

var configuration = Configuration()
configuration.listen = SocketAddress("127.0.0.1:0")!  // why: a literal
configuration.opsListen = SocketAddress("127.0.0.1:0")!  // why: a literal
configuration.loops = 2
configuration.dataFolder = CommandLine.arguments[1]
configuration.adminPassword = CommandLine.arguments[2]
// Made at once: the time an RSA key takes would not be divided.
configuration.signingAlgorithm = .es256
configuration.accessTokenSeconds /= Int(haste)
// The load is of one account from one address.
for rule in ThrottleRule.allCases {
    configuration.throttle[rule] = GCRA(burst: 60_000, intervalMilliseconds: 1)
}
configuration.attemptCaps.unknownDevices = 60_000
configuration.keyRing.publicationMilliseconds /= haste
configuration.keyRing.signingRetentionMilliseconds /= haste

let application = try Application.start(configuration)
FileHandle.standardOutput.write(Data("http://\(application.address)\n".utf8))
while !FileHandle.standardInput.availableData.isEmpty {}
application.stop()
