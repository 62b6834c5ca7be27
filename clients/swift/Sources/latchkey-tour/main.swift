// Walks through a Latchkey server as an app does: sign up, profile, devices, refresh, sign out.
//
//     swift run latchkey-tour http://127.0.0.1:8080
import Foundation
import Latchkey
import LatchkeyAPI

guard CommandLine.arguments.count == 2, let server = URL(string: CommandLine.arguments[1]) else {
    print("usage: latchkey-tour BASE_URL")
    exit(2)
}

do {
    try await Tour(server: server).walk()
} catch let error as SessionError {
    print("tour: \(error)")
    exit(1)
} catch let error as ClientError {
    print("tour: \(error.session)")
    exit(1)
} catch {
    print("tour: \(error)")
    exit(1)
}
