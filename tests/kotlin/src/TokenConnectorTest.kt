import com.powersync.PowerSyncException
import io.ktor.client.HttpClient
import io.ktor.client.engine.okhttp.OkHttp
import java.util.concurrent.CountDownLatch
import java.util.concurrent.atomic.AtomicInteger
import kotlin.random.Random
import kotlin.test.AfterTest
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull
import kotlin.test.assertTrue
import kotlin.time.Duration.Companion.hours
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

class TokenConnectorTest {
    private val service = TokenService()
    private val clock = MovedClock()
    private val http = HttpClient(OkHttp)
    private var signedOut = 0
    private var login: String? = "credential"

    @AfterTest
    fun close() {
        service.close()
        http.close()
    }

    private fun signedIn(
        anonymousTokenUrl: String? = null,
        storage: DeviceTokenStorage? = null,
        onSignedOut: () -> Unit = { signedOut++ },
        random: Random = NoJitter,
        credential: suspend (refresh: Boolean) -> String? = { login },
    ) = TokenConnector(
        "${service.url}/token", anonymousTokenUrl, credential, storage, onSignedOut, http, clock, random,
    ) {}

    private fun anonymous(storage: DeviceTokenStorage = Memory()) = TokenConnector(
        anonymousTokenUrl = "${service.url}/token/anonymous",
        storage = storage, http = http, clock = clock, random = NoJitter,
    ) {}

    private class Memory : DeviceTokenStorage {
        var token: String? = null

        override suspend fun read() = token

        override suspend fun write(token: String?) {
            this.token = token
        }
    }

    /** Calls as the SDK does while it has no token, every 5 s; when each request came, in seconds. */
    private suspend fun callFor(connector: TokenConnector, seconds: Int): List<Int> {
        val times = mutableListOf<Int>()
        for (second in 0 until seconds step 5) {
            val before = service.requests.size
            connector.said()
            repeat(service.requests.size - before) { times += second }
            clock.pass(5.seconds)
        }
        return times
    }

    @Test
    fun `hands the user's credential over and gives the SDK what it reads`() = runBlocking {
        service.answers = listOf(Answer(200, TOKEN))
        val credentials = signedIn().fetchCredentials()!!
        assertEquals("https://instance.test", credentials.endpoint)
        assertEquals("a.b.c", credentials.token)
        assertEquals(listOf<String?>("credential"), service.credentials)
    }

    @Test
    fun `refused, it asks once more, with a fresh credential`() = runBlocking {
        service.answers = listOf(Answer(401), Answer(200, TOKEN))
        val connector = signedIn { refresh -> if (refresh) "fresh" else "stale" }
        assertEquals("a.b.c", connector.token())
        assertEquals(listOf<String?>("stale", "fresh"), service.credentials)
        assertEquals(0, signedOut)
    }

    @Test
    fun `refused twice, it is signed out, said once, and nothing is asked while it lasts`() = runBlocking {
        service.answers = listOf(Answer(401))
        val connector = signedIn()
        repeat(10) { assertNull(connector.fetchCredentials()) }
        assertEquals(2, service.requests.size)
        assertEquals(1, signedOut)
    }

    @Test
    fun `refused for an hour, it is said once, and asked ever less often`() = runBlocking {
        for (credential in listOf<suspend (Boolean) -> String?>(
            { "credential" },
            { refresh -> if (refresh) "fresh" else "stale" },
            { refresh -> if (refresh) null else "credential" },
            { "credential ${service.requests.size}" },
        )) {
            service.answers = listOf(Answer(401))
            signedOut = 0
            val times = callFor(signedIn(credential = credential), 3600)
            assertTrue(times.count { it < 60 } <= 4, "$times")
            assertTrue(times.size in 10..20, "$times")
            assertEquals(1, signedOut)
        }
    }

    @Test
    fun `refused, another credential is asked with at once`() = runBlocking {
        service.answers = listOf(Answer(401), Answer(401), Answer(200, TOKEN), Answer(401))
        val connector = signedIn()
        assertNull(connector.fetchCredentials())
        login = "another"
        assertEquals("a.b.c", connector.token())
        login = "credential"
        assertNull(connector.fetchCredentials())
        assertEquals(2, signedOut)
    }

    @Test
    fun `failed, whatever the answer, it is asked ever less often, in an hour 17 times`() = runBlocking {
        val answers = listOf(400, 403, 404, 429, 500, 503).map { Answer(it) } +
            Answer(200) + Answer(200, "<html>Welcome to our Wi-Fi</html>")
        for (answer in answers) {
            for (connector in listOf(signedIn(), anonymous())) {
                service.answers = listOf(answer)
                val times = callFor(connector, 3600)
                assertEquals(listOf(0, 5, 15, 35, 75, 155, 315), times.take(7))
                assertEquals(17, times.size)
            }
        }
    }

    @Test
    fun `failed, a token ends the waiting, and the next failure is the first one again`() = runBlocking {
        service.answers =
            listOf(Answer(500), Answer(500), Answer(200, TOKEN), Answer(500), Answer(200, TOKEN))
        val connector = signedIn()
        assertEquals("No PowerSync token: HTTP 500 without a token", connector.said())
        clock.pass(5.seconds)
        assertContains(connector.said()!!, "HTTP 500")
        clock.pass(10.seconds)
        assertEquals("a.b.c", connector.token())
        assertContains(connector.said()!!, "HTTP 500")
        clock.pass(5.seconds)
        assertEquals("a.b.c", connector.token())
    }

    @Test
    fun `failed, the app's own call ends the waiting, and a refusal is said again`() = runBlocking {
        service.answers = listOf(Answer(401))
        val connector = signedIn()
        assertNull(connector.fetchCredentials())
        connector.retryNow()
        assertNull(connector.fetchCredentials())
        assertEquals(4, service.requests.size)
        assertEquals(2, signedOut)
    }

    @Test
    fun `failed, all clients do not come back at the same moment`() = runBlocking {
        service.answers = listOf(Answer(500), Answer(200, TOKEN))
        val most = object : Random() {
            override fun nextBits(bitCount: Int): Int = (1 shl bitCount) - 1
        }
        val connector = signedIn(random = most)
        connector.said()
        clock.pass(7_490.milliseconds)
        assertContains(connector.said()!!, "nothing is asked before")
        clock.pass(10.milliseconds)
        assertEquals("a.b.c", connector.token())
    }

    @Test
    fun `failed, a clock that is put back makes nobody wait for it`() = runBlocking {
        service.answers = listOf(Answer(500), Answer(500), Answer(200, TOKEN))
        val connector = signedIn()
        connector.said()
        clock.pass((-24).hours)
        assertContains(connector.said()!!, "HTTP 500")
        assertContains(connector.said()!!, "nothing is asked before 2027-01-14")
        clock.pass(15.seconds)
        assertEquals("a.b.c", connector.token())
    }

    @Test
    fun `throttled, it waits for as long as it was told, up to an hour`() = runBlocking {
        for ((status, header, expected) in listOf(
            Triple(503, "7", 7), Triple(429, "7", 7), Triple(429, null, 5),
            Triple(503, "1", 5), Triple(503, "600", 600), Triple(403, "86400", 3600),
        )) {
            val headers = header?.let { mapOf("Retry-After" to it) } ?: emptyMap()
            service.answers = listOf(Answer(status, """{"message": "later"}""", headers), Answer(200, TOKEN))
            service.requests.clear()
            val connector = signedIn()
            assertEquals("No PowerSync token: HTTP $status later", connector.said())
            clock.pass(expected.seconds - 1.milliseconds)
            assertContains(connector.said()!!, "nothing is asked before 2027")
            assertEquals(1, service.requests.size)
            clock.pass(1.milliseconds)
            assertEquals("a.b.c", connector.token())
        }
    }

    @Test
    fun `offline, it throws, waits for a minute at most, and nobody has to sign in`() = runBlocking {
        service.answers = listOf(null)
        val times = callFor(signedIn(), 600)
        assertEquals(listOf(0, 5, 15, 35, 75, 135, 195), times.distinct().take(7))
        service.close()
        val connector = signedIn()
        assertContains(connector.said()!!, "No PowerSync token: ")
        assertContains(connector.said()!!, "nothing is asked before")
        assertEquals(0, signedOut)
    }

    @Test
    fun `signed out, there is no token, nothing is asked, and who signs in does not wait`() = runBlocking {
        service.answers = listOf(Answer(500), Answer(200, TOKEN))
        val connector = signedIn()
        connector.said()
        login = null
        assertNull(connector.fetchCredentials())
        assertEquals(1, service.requests.size)
        login = "credential"
        assertEquals("a.b.c", connector.token())
    }

    @Test
    fun `signed out, one can go on as an anonymous user`() = runBlocking {
        service.answers = listOf(Answer(401), Answer(401), Answer(200, tokenOf("anonymous")))
        val connector = signedIn(anonymousTokenUrl = "${service.url}/token/anonymous")
        assertNull(connector.fetchCredentials())
        login = null
        assertEquals("anonymous", connector.token())
    }

    @Test
    fun `anonymous upgrade, the last device token is shown, also beside the credential`() = runBlocking {
        service.answers = listOf(
            Answer(200, tokenOf("one", "first")), Answer(200, tokenOf("two", "second")),
            Answer(200, TOKEN),
        )
        login = null
        val connector = signedIn("${service.url}/token/anonymous", Memory())
        connector.token()
        connector.token()
        login = "credential"
        connector.token()
        connector.forgetAnonymousUser()
        connector.token()
        assertEquals(listOf(null, "first", "second", null), service.requests.map { it.deviceToken })
        assertEquals(listOf(null, null, "credential", "credential"), service.credentials)
        assertEquals(
            listOf("/token/anonymous", "/token/anonymous", "/token", "/token"),
            service.requests.map { it.path },
        )
    }

    @Test
    fun `two calls at once, a new device is one anonymous user`() = runBlocking {
        service.answers = listOf(Answer(200, tokenOf("first", "1")), Answer(200, tokenOf("second", "2")))
        val connector = anonymous()
        val tokens = List(10) { async(Dispatchers.Default) { connector.token() } }.awaitAll()
        assertEquals(service.requests.size, tokens.toSet().size)
        assertEquals("first", tokens.minOf { it })
        assertEquals(1, service.requests.count { it.deviceToken == null })
    }

    @Test
    fun `two calls at once, both refused, it is said once`() = runBlocking {
        service.answers = listOf(Answer(401))
        val connector = signedIn()
        val said = List(10) { async(Dispatchers.Default) { connector.said() } }.awaitAll()
        assertEquals(setOf<String?>(null), said.toSet())
        assertEquals(2, service.requests.size)
        assertEquals(1, signedOut)
    }

    @Test
    fun `two calls at once, for two users, each gets the user's own`() = runBlocking {
        val asked = CountDownLatch(2)
        val turn = AtomicInteger()
        val connector = signedIn {
            val user = "user ${turn.getAndIncrement() % 2}"
            asked.countDown()
            asked.await()
            user
        }
        service.answers = listOf(Answer(200, tokenOf("first")), Answer(200, tokenOf("second")))
        val tokens = List(2) { async(Dispatchers.IO) { connector.token() } }.awaitAll()
        assertEquals(setOf("first", "second"), tokens.toSet())
        assertEquals(setOf<String?>("user 0", "user 1"), service.credentials.toSet())
    }

    @Test
    fun `whatever the app's own code throws becomes what the SDK catches`() = runBlocking {
        service.answers = listOf(Answer(401))
        for (failing in listOf<suspend () -> Nothing>(
            { error("no login") },
            { withTimeout(1) { kotlinx.coroutines.awaitCancellation() } },
        )) {
            assertFailsWith<PowerSyncException> { signedIn { failing() }.fetchCredentials() }
            val storage = object : DeviceTokenStorage {
                override suspend fun read(): String? = failing()

                override suspend fun write(token: String?) = failing()
            }
            assertFailsWith<PowerSyncException> { anonymous(storage).fetchCredentials() }
        }
        val connector = signedIn(onSignedOut = { error("no screen") })
        assertFailsWith<PowerSyncException> { connector.fetchCredentials() }
        assertNull(connector.fetchCredentials())
        assertEquals(2, service.requests.size)
    }
}
