// A complete connector for PowerSync's Kotlin SDK: copy it, and put in your URLs. It needs
// `com.powersync:core` and `org.jetbrains.kotlinx:kotlinx-serialization-json`.
// README.md beside it says what it does, and when to call `retryNow()` and `connect()`.

import com.powersync.PowerSyncDatabase
import com.powersync.PowerSyncException
import com.powersync.connectors.PowerSyncBackendConnector
import com.powersync.connectors.PowerSyncCredentials
import io.ktor.client.HttpClient
import io.ktor.client.request.get
import io.ktor.client.request.header
import io.ktor.client.statement.bodyAsText
import io.ktor.http.HttpHeaders
import kotlin.concurrent.Volatile
import kotlin.random.Random
import kotlin.time.Clock
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlin.time.Instant
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.flow.update
import kotlinx.coroutines.launch
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.SerializationException
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.contentOrNull

/** Where the device's own token is kept, such as encrypted preferences; null removes it. */
interface DeviceTokenStorage {
    /** Gives back what the former connector kept, its anonymous token, until [write] was called. */
    suspend fun read(): String?

    suspend fun write(token: String?)
}

/**
 * @param tokenUrl The stack's output `token_url`. Leave it out if there are anonymous users only.
 * @param anonymousTokenUrl The stack's output `anonymous_token_url`. Leave it out if everybody has
 *   to sign in.
 * @param credential Your identity provider's token of the signed-in user; null when nobody is
 *   signed in. With `refresh` the one from before was refused: get a new one.
 * @param storage Keeps the device's own token, which makes it the same anonymous user again.
 * @param onSignedOut Called when the user has to sign in again: once, until a token was given. It
 *   comes on a thread of the SDK's.
 * @param upload Sends the local changes to your backend: see PowerSync's documentation.
 */
class TokenConnector(
    private val tokenUrl: String? = null,
    private val anonymousTokenUrl: String? = null,
    private val credential: suspend (refresh: Boolean) -> String? = { null },
    private val storage: DeviceTokenStorage? = null,
    private val onSignedOut: () -> Unit = {},
    private val http: HttpClient = HttpClient(),
    private val clock: Clock = Clock.System,
    private val random: Random = Random,
    private val upload: suspend (PowerSyncDatabase) -> Unit,
) : PowerSyncBackendConnector() {
    private val waiting = MutableStateFlow(Waiting())
    private val oneAtATime = Mutex()
    @Volatile private var given: Given? = null

    /**
     * What the SDK calls whenever it needs a token, and every few seconds while it has none. Null
     * when signed out. It throws a [PowerSyncException] when there can be no answer now, which the
     * SDK catches: it then calls again.
     */
    override suspend fun fetchCredentials(): PowerSyncCredentials? = safely {
        val token = tokenUrl?.let { credential(false) }
        if (token == null && anonymousTokenUrl == null) {
            waiting.value = Waiting() // whoever signs in next does not wait for this one
            return@safely null
        }
        // Asking twice at once would make a new device two anonymous users.
        val before = given
        oneAtATime.withLock {
            given?.takeIf { it !== before && it.token == token }?.credentials ?: fetch(token)
        }
    }

    override suspend fun uploadData(database: PowerSyncDatabase) = safely { upload(database) }

    /** The SDK's own lets a failure through to where nobody catches it: Android ends the app then. */
    @Deprecated("Call updateCredentials", ReplaceWith("updateCredentials"))
    override fun prefetchCredentials(): Job =
        CoroutineScope(Dispatchers.Default).launch {
            try {
                updateCredentials()
            } catch (_: PowerSyncException) {
                // There is no token yet: the SDK asks again, and tells the app in its status.
            }
        }

    /**
     * Ends every wait. Call it when the user has signed in or out, and when the network is back;
     * then `connect()` the database again, or the SDK goes on with the former user's token.
     */
    fun retryNow() {
        waiting.value = Waiting()
        invalidateCredentials()
    }

    /** Call this once the data of the token's claim `previous_sub` belongs to the signed-in user. */
    suspend fun forgetAnonymousUser() {
        storage?.write(null)
    }

    private suspend fun fetch(token: String?): PowerSyncCredentials? {
        val now = clock.now()
        if (waiting.value.mustWait(token, now)) {
            if (waiting.value.signedOut) return null
            // Waiting here instead would hold up whoever calls next.
            throw NoToken("nothing is asked before ${waiting.value.notBefore}")
        }
        waiting.update { it.asking(token, now) }
        try {
            val answer = if (token != null) askSignedIn(token) else ask(anonymousTokenUrl!!)
            if (token != null && answer.status == 401) {
                val known = waiting.value.signedOut
                waiting.update { it.copy(signedOut = true).afterFailure(LONGEST_WAIT) }
                if (!known) onSignedOut()
                return null
            }
            val credentials = answer.credentials()
            if (token == null) answer.text("deviceToken")?.let { storage?.write(it) }
            waiting.value = Waiting()
            given = Given(token, credentials)
            return credentials
        } catch (e: Exception) {
            currentCoroutineContext().ensureActive()
            val longest = if (e is NoAnswer) LONGEST_OFFLINE_WAIT else LONGEST_WAIT
            waiting.update { it.afterFailure(longest) }
            throw e
        }
    }

    private suspend fun askSignedIn(token: String): Answer {
        // After a refusal there is one more request with a fresh credential, but not each time.
        val knownToBeRefused = waiting.value.signedOut
        val current = if (knownToBeRefused) credential(true) ?: token else token
        val answer = ask(tokenUrl!!, current)
        if (answer.status != 401 || knownToBeRefused) return answer
        val fresh = credential(true) ?: return answer
        waiting.update { it.copy(failed = it.failed + fresh) }
        return ask(tokenUrl, fresh)
    }

    private suspend fun ask(url: String, credential: String? = null): Answer {
        val device = storage?.read()
        waiting.update { it.copy(failures = it.failures + 1) } // until it turns out to be none
        return withTimeoutOrNull(TIMEOUT) {
            val response = try {
                http.get(url) {
                    if (credential != null) header(HttpHeaders.Authorization, "Bearer $credential")
                    // Keeps an anonymous device the same user; beside a credential, says who it was.
                    if (device != null) header("X-Anonymous-Token", device)
                }
            } catch (e: Exception) {
                currentCoroutineContext().ensureActive()
                throw NoAnswer(e)
            }
            val retryAfter = response.headers[HttpHeaders.RetryAfter]?.toLongOrNull() ?: 0
            if (retryAfter > 0) {
                val wait = retryAfter.seconds.coerceAtMost(LONGEST_RETRY_AFTER)
                waiting.update { it.postponed(wait) }
            }
            Answer(response.status.value, response.bodyAsText())
        } ?: throw NoToken("no answer within $TIMEOUT")
    }

    private fun Waiting.afterFailure(longest: Duration): Waiting =
        postponed(wait().coerceAtMost(longest))

    /** Not all clients shall come back at the same moment, so each adds up to half as much again. */
    private fun Waiting.postponed(wait: Duration): Waiting =
        postponed(clock.now(), wait * (1 + random.nextDouble() / 2))

    /**
     * Makes every failure a [PowerSyncException]. A CancellationException would end the sync for
     * good, and each `withTimeout` of yours throws one.
     */
    private suspend fun <T> safely(block: suspend () -> T): T =
        try {
            block()
        } catch (e: Exception) {
            currentCoroutineContext().ensureActive()
            throw PowerSyncException(e.message ?: e.toString(), e)
        }

    private companion object {
        val TIMEOUT = 15.seconds
        val FIRST_WAIT = 5.seconds
        val LONGEST_WAIT = 300.seconds
        val LONGEST_OFFLINE_WAIT = 60.seconds // nobody is burdened by who reaches nobody
        val LONGEST_RETRY_AFTER = 3600.seconds
    }

    /** Why nothing is asked now, and since when: what has happened since the last token. */
    private data class Waiting(
        /** Requests without a token. */
        val failures: Int = 0,
        val notBefore: Instant = Instant.DISTANT_PAST,
        /** The credentials that were asked with. */
        val failed: Set<String?> = emptySet(),
        /** Whether another credential has cut a wait short. */
        val cutShort: Boolean = false,
        /** Whether a 401 was the last word, and the app knows it. */
        val signedOut: Boolean = false,
    ) {
        /** Another credential may be asked with at once, but not one after the other. */
        fun mustWait(token: String?, now: Instant): Boolean =
            isEarly(now) && (cutShort || token in failed)

        /** With another credential too early: counted, or it would be asked more often than others. */
        fun asking(token: String?, now: Instant): Waiting = copy(
            failed = failed + token,
            cutShort = cutShort || isEarly(now),
            failures = if (isEarly(now)) failures + 1 else failures,
        )

        /** No wait is that long: then the clock was put back. */
        private fun isEarly(now: Instant): Boolean =
            now < notBefore && notBefore - now <= LONGEST_RETRY_AFTER * 1.5

        /** Twice as long after each request without a token: 5 s, 10 s, 20 s, … */
        fun wait(): Duration = FIRST_WAIT * (1 shl (failures - 1).coerceIn(0, 10))

        fun postponed(now: Instant, wait: Duration): Waiting =
            copy(notBefore = if (isEarly(now)) maxOf(notBefore, now + wait) else now + wait)
    }

    private class Given(val token: String?, val credentials: PowerSyncCredentials)

    private open class NoToken(message: String, cause: Exception? = null) :
        Exception("No PowerSync token: $message", cause)

    private class NoAnswer(cause: Exception) : NoToken(cause.message ?: cause.toString(), cause)

    private class Answer(val status: Int, body: String) {
        private val body: JsonObject = try {
            Json.parseToJsonElement(body) as? JsonObject
        } catch (_: SerializationException) {
            null // such as the sign-in page of a public Wi-Fi
        } ?: JsonObject(emptyMap())

        fun text(name: String): String? = (body[name] as? JsonPrimitive)?.contentOrNull

        fun credentials(): PowerSyncCredentials {
            val token = text("token")
            val endpoint = text("endpoint")
            if (status == 200 && token != null && endpoint != null) {
                return PowerSyncCredentials(endpoint, token)
            }
            val reason = text("error_description") ?: text("message") ?: "without a token"
            throw NoToken("HTTP $status ${if (status == 200) "without a token" else reason}")
        }
    }
}
