// What Apple's Foundation has and the one on Linux has not.
import Foundation

extension ProcessInfo {
    func performExpiringActivity(withReason reason: String, using block: @escaping @Sendable (Bool) -> Void) {}
}

final class PersonNameComponentsFormatter {
    func string(from components: PersonNameComponents) -> String { "" }
}
