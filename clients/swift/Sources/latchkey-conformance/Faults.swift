import Foundation
import Latchkey
import LatchkeyAPI
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What goes wrong in this process.
final class Faults: @unchecked Sendable {
    private let mutex = NSLock()
    private var fault = "none"
    private var left = 0
    private var point: String?
    /// The changes of the store until the process dies at `after_writes`.
    private var writes = 0
    private var stores: Set<URL> = []
    /// Texts that can never be read again, by their paths.
    private var lost: Set<String> = []

    func set(_ fault: String, times: Int) {
        mutex.withLock {
            (self.fault, left) = (fault, times == 0 ? .max : times)
            if fault == "key_lost" { stores.forEach(lose) }
        }
    }

    /// Notes a store of this process.
    func watch(_ store: URL) {
        mutex.withLock {
            stores.insert(store)
            if fault == "key_lost" { lose(store) }
        }
    }

    private func lose(_ store: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: store.path)) ?? []
        for name in names where !name.hasPrefix("lock") { lost.insert(store.appendingPathComponent(name).path) }
    }

    func isLost(_ path: String) -> Bool { mutex.withLock { lost.contains(path) } }

    /// Notes that a text was written anew.
    func written(_ path: String) { _ = mutex.withLock { lost.remove(path) } }

    func dies(at point: String?, after writes: Int) { mutex.withLock { (self.point, self.writes) = (point, writes) } }

    /// Counts a change of the store, and ends the process at the one that it was told.
    func changed() {
        let isLast = mutex.withLock {
            writes -= 1
            return writes == 0
        }
        if isLast { die(at: "after_writes") }
    }

    var isLockStuck: Bool { strikes(["lock_stuck"]) != nil }

    /// The fault that strikes now, if it is one of these; counts it.
    func strikes(_ faults: [String]) -> String? {
        mutex.withLock {
            guard left > 0, faults.contains(fault) else { return nil }
            left -= 1
            return fault
        }
    }

    /// Whether the device is locked, without counting.
    var isLocked: Bool { mutex.withLock { left > 0 && (fault == "locked" || fault == "not_found_while_locked") } }

    func die(at point: String) { if mutex.withLock({ self.point == point }) { Self.die() } }

    static func die() -> Never {
        kill(getpid(), SIGKILL)
        while true { pause() }
    }
}

/// A Keychain of files, which answers as iOS does.
struct FaultyKeychain: Keychain {
    let directory: URL
    let faults: Faults

    private func path(_ account: String) -> URL { directory.appendingPathComponent(account) }

    func copy(_ account: String) -> (status: Int32, text: String?) {
        switch faults.strikes(["locked", "not_found_while_locked", "fail_reads"]) {
        case "locked": return (KeychainStatus.interactionNotAllowed, nil)
        case "not_found_while_locked": return (KeychainStatus.itemNotFound, nil)
        case "fail_reads": return (-36, nil)
        default: break
        }
        guard let data = try? Data(contentsOf: path(account)) else { return (KeychainStatus.itemNotFound, nil) }
        if faults.isLost(path(account).path) { return (-26275, nil) } // errSecDecode
        return (KeychainStatus.success, String(decoding: data, as: UTF8.self))
    }

    func update(_ account: String, _ text: String) -> Int32 {
        if let status = refusal() { return status }
        guard FileManager.default.fileExists(atPath: path(account).path) else { return KeychainStatus.itemNotFound }
        return put(account, text)
    }

    func add(_ account: String, _ text: String) -> Int32 {
        if let status = refusal() { return status }
        guard !FileManager.default.fileExists(atPath: path(account).path) else { return KeychainStatus.duplicateItem }
        return put(account, text)
    }

    func delete(_ account: String) -> Int32 {
        if faults.isLocked { FileHandle.standardError.write(Data("conformance: delete while locked\n".utf8)) }
        if let status = refusal() { return status }
        guard unlink(path(account).path) == 0 else { return KeychainStatus.itemNotFound }
        faults.changed()
        return KeychainStatus.success
    }

    private func refusal() -> Int32? {
        switch faults.strikes(["locked", "not_found_while_locked", "reject_writes"]) {
        case nil: nil
        case "reject_writes": -61
        default: KeychainStatus.interactionNotAllowed
        }
    }

    private func put(_ account: String, _ text: String) -> Int32 {
        guard account.hasPrefix("slot-") else { return write(account, text) }
        faults.die(at: "after_decode")
        if faults.strikes(["torn_write"]) != nil {
            _ = write(account, String(text.prefix(text.count / 2)))
            Faults.die()
        }
        defer { faults.die(at: "after_persist") }
        return write(account, text)
    }

    private func write(_ account: String, _ text: String) -> Int32 {
        guard (try? Data(text.utf8).write(to: path(account), options: .atomic)) != nil else { return -61 }
        faults.written(path(account).path)
        faults.changed()
        return KeychainStatus.success
    }
}

/// Locks of files, which somebody else may hold for good.
struct FaultyLocks: StoreLocks {
    let files: FileLock
    let faults: Faults

    func tryLock(_ scope: LockScope) throws(StoreError) -> StoreLease? {
        faults.isLockStuck ? nil : try files.tryLock(scope)
    }
}

/// A transport that the process does not survive.
struct MortalTransport: Transport, RequestTransport {
    let inner: URLSessionTransport
    let faults: Faults

    func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) { try await inner.send(request) }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        let isRefresh = request.path.hasSuffix("/refresh") || request.path.hasSuffix("/token/exchange")
        guard isRefresh else { return try await inner.send(request) }
        faults.die(at: "before_send")
        let response = try await inner.send(request)
        for point in ["after_send", "after_headers", "after_body"] { faults.die(at: point) }
        return response
    }
}

/// An unlock prompt that answers as it is told.
final class Prompt: UnlockPrompt, @unchecked Sendable {
    private let mutex = NSLock()
    private var mode = "allow"
    private var count = 0
    private var open: [CheckedContinuation<String, Never>] = []

    var shown: Int { mutex.withLock { count } }

    func answer(_ mode: String) {
        let answered = mutex.withLock {
            self.mode = mode
            defer { if mode != "hold" { open = [] } }
            return mode == "hold" ? [] : open
        }
        for continuation in answered { continuation.resume(returning: mode) }
    }

    func show() async throws(SessionError) {
        let answer = await withCheckedContinuation { continuation in
            let now: String? = mutex.withLock {
                count += 1
                if mode == "hold" { open.append(continuation) }
                return mode == "hold" ? nil : mode
            }
            if let now { continuation.resume(returning: now) }
        }
        if answer != "allow" { throw .unlockCancelled }
    }
}
