// A complete connector for PowerSync's Swift SDK: copy it, and put in your URLs.
// NOT COMPILED: it was written by the SDK's public source and follows TokenConnector.kt.
// README.md beside it says what it does, and when to call `retryNow()` and `connect()`.

import Foundation
import PowerSync

/// Where the device's own token is kept, such as the keychain; nil removes it.
public protocol DeviceTokenStorage: Sendable {
    /// Gives back what the former connector kept, its anonymous token, until `write` was called.
    func read() async throws -> String?
    func write(_ token: String?) async throws
}

public struct TokenError: LocalizedError, Sendable {
    public let reason: String
    /// Whether nobody was reached.
    let offline: Bool

    public var errorDescription: String? { "No PowerSync token: \(reason)" }
}

public actor TokenConnector: PowerSyncBackendConnectorProtocol {
    private static let timeout: TimeInterval = 15
    private static let firstWait: TimeInterval = 5
    private static let longestWait: TimeInterval = 300
    private static let longestOfflineWait: TimeInterval = 60 // nobody is burdened by who reaches nobody
    private static let longestRetryAfter: TimeInterval = 3600

    private let tokenUrl: URL?
    private let anonymousTokenUrl: URL?
    private let credential: @Sendable (_ refresh: Bool) async throws -> String?
    private let storage: (any DeviceTokenStorage)?
    private let onSignedOut: @Sendable () async -> Void
    private let upload: @Sendable (any PowerSyncDatabaseProtocol) async throws -> Void
    private let session: URLSession

    private var underWay: [String?: Task<PowerSyncCredentials?, any Error>] = [:]
    /// Requests without a token since the last one.
    private var failures = 0
    /// Before then nothing is asked.
    private var notBefore = Date.distantPast
    /// The credentials that were asked with since the last token.
    private var failed: Set<String?> = []
    /// Whether another credential has cut a wait short since the last token.
    private var cutShort = false
    /// Whether a 401 was the last word, and the app knows it.
    private var signedOut = false

    /// - Parameters:
    ///   - tokenUrl: The stack's output `token_url`. Leave it out if there are anonymous users only.
    ///   - anonymousTokenUrl: The stack's output `anonymous_token_url`. Leave it out if everybody
    ///     has to sign in.
    ///   - credential: Your identity provider's token of the signed-in user; nil when nobody is
    ///     signed in. With `refresh` the one from before was refused: get a new one.
    ///   - storage: Keeps the device's own token, which makes it the same anonymous user again.
    ///   - onSignedOut: Called when the user has to sign in again: once, until a token was given.
    ///   - upload: Sends the local changes to your backend: see PowerSync's documentation.
    public init(
        tokenUrl: URL? = nil,
        anonymousTokenUrl: URL? = nil,
        credential: @escaping @Sendable (_ refresh: Bool) async throws -> String? = { _ in nil },
        storage: (any DeviceTokenStorage)? = nil,
        onSignedOut: @escaping @Sendable () async -> Void = {},
        upload: @escaping @Sendable (any PowerSyncDatabaseProtocol) async throws -> Void
    ) {
        self.tokenUrl = tokenUrl
        self.anonymousTokenUrl = anonymousTokenUrl
        self.credential = credential
        self.storage = storage
        self.onSignedOut = onSignedOut
        self.upload = upload
        let configuration = URLSessionConfiguration.ephemeral // answers are not for a cache
        configuration.timeoutIntervalForRequest = Self.timeout
        configuration.timeoutIntervalForResource = Self.timeout
        session = URLSession(configuration: configuration)
    }

    /// What the SDK calls whenever it needs a token, and every few seconds while it has none. Nil
    /// when signed out. It throws when there can be no answer now: the SDK then calls again.
    public func fetchCredentials() async throws -> PowerSyncCredentials? {
        let token = try await tokenUrl == nil ? nil : credential(false)
        if token == nil && anonymousTokenUrl == nil {
            retryNow() // whoever signs in next does not wait for this one
            return nil
        }
        // The SDK may call for its stream and for an upload at once. Asking twice would make a new
        // device two anonymous users. Another user's call must not get this one's answer.
        if let fetching = underWay[token] { return try await fetching.value }
        let fetching = Task { try await fetch(token) }
        underWay[token] = fetching
        defer { underWay.removeValue(forKey: token) }
        return try await fetching.value
    }

    public func uploadData(database: any PowerSyncDatabaseProtocol) async throws {
        try await upload(database)
    }

    /// Ends every wait. Call it when the user has signed in or out, and when the network is back;
    /// then `connect()` the database again, or the SDK goes on with the former user's token.
    public func retryNow() {
        failures = 0
        notBefore = .distantPast
        failed = []
        cutShort = false
        signedOut = false
    }

    /// Call this once the data of the token's claim `previous_sub` belongs to the signed-in user.
    public func forgetAnonymousUser() async throws {
        try await storage?.write(nil)
    }

    private func fetch(_ token: String?) async throws -> PowerSyncCredentials? {
        if mustWait(token) {
            if signedOut { return nil }
            // Waiting here instead could hold up the SDK's disconnect(), which waits for this call.
            throw TokenError(reason: "nothing is asked before \(notBefore)", offline: false)
        }
        failed.insert(token)
        do {
            let answer = if let token {
                try await askSignedIn(token)
            } else {
                try await ask(anonymousTokenUrl!)
            }
            if token != nil && answer.status == 401 {
                wait(atMost: Self.longestWait)
                let known = signedOut
                signedOut = true
                if !known { await onSignedOut() }
                return nil
            }
            let credentials = try answer.credentials()
            if token == nil, let deviceToken = answer.text("deviceToken") {
                try await storage?.write(deviceToken)
            }
            retryNow()
            return credentials
        } catch {
            let offline = (error as? TokenError)?.offline ?? false
            wait(atMost: offline ? Self.longestOfflineWait : Self.longestWait)
            throw error
        }
    }

    /// Another credential may be asked with at once, but not one after the other.
    private func mustWait(_ token: String?) -> Bool {
        if !isEarly { return false }
        if cutShort || failed.contains(token) { return true }
        cutShort = true
        failures += 1 // or who gives another one each time would ask more often than the rest
        return false
    }

    private func askSignedIn(_ token: String) async throws -> Answer {
        // After a refusal there is one more request with a fresh credential, but not each time.
        let knownToBeRefused = signedOut
        let current = try await knownToBeRefused ? credential(true) ?? token : token
        let answer = try await ask(tokenUrl!, current)
        if answer.status != 401 || knownToBeRefused { return answer }
        guard let fresh = try await credential(true) else { return answer }
        failed.insert(fresh)
        return try await ask(tokenUrl!, fresh)
    }

    private func ask(_ url: URL, _ credential: String? = nil) async throws -> Answer {
        var request = URLRequest(url: url)
        if let credential {
            request.setValue("Bearer \(credential)", forHTTPHeaderField: "Authorization")
        }
        // Keeps an anonymous device the same user; beside a credential, says who it was before.
        if let deviceToken = try await storage?.read() {
            request.setValue(deviceToken, forHTTPHeaderField: "X-Anonymous-Token")
        }
        failures += 1 // until it turns out to be none
        let (data, response): (Data, URLResponse)
        do {
            (data, response) = try await session.data(for: request)
        } catch let error as URLError {
            if error.code == .timedOut {
                throw TokenError(reason: "no answer within \(Int(Self.timeout)) s", offline: false)
            }
            throw TokenError(reason: error.localizedDescription, offline: true)
        }
        let http = response as! HTTPURLResponse
        if let seconds = http.value(forHTTPHeaderField: "Retry-After").flatMap(TimeInterval.init),
            seconds > 0
        {
            postpone(min(seconds, Self.longestRetryAfter))
        }
        return Answer(status: http.statusCode, data: data)
    }

    /// Twice as long after each request without a token: 5 s, 10 s, 20 s, …
    private func wait(atMost longest: TimeInterval) {
        let doublings = min(max(failures - 1, 0), 10)
        postpone(min(Self.firstWait * TimeInterval(1 << doublings), longest))
    }

    /// Not all clients shall come back at the same moment, so each adds up to half as much again.
    private func postpone(_ seconds: TimeInterval) {
        let until = Date.now.addingTimeInterval(seconds * .random(in: 1...1.5))
        notBefore = isEarly ? max(notBefore, until) : until
    }

    /// No wait is longer than the longest: then the clock was put back.
    private var isEarly: Bool {
        let left = notBefore.timeIntervalSinceNow
        return left > 0 && left <= Self.longestRetryAfter * 1.5
    }
}

private struct Answer {
    let status: Int
    /// Empty if it was no JSON, such as the sign-in page of a public Wi-Fi.
    private let body: [String: Any]

    init(status: Int, data: Data) {
        self.status = status
        body = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
    }

    func text(_ name: String) -> String? { body[name] as? String }

    func credentials() throws -> PowerSyncCredentials {
        if status == 200, let endpoint = text("endpoint"), let token = text("token") {
            return PowerSyncCredentials(endpoint: endpoint, token: token)
        }
        let told = status == 200 ? nil : text("error_description") ?? text("message")
        throw TokenError(reason: "HTTP \(status) \(told ?? "without a token")", offline: false)
    }
}
