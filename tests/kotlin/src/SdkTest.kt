import co.touchlab.kermit.Logger
import co.touchlab.kermit.StaticConfig
import com.powersync.DatabaseDriverFactory
import com.powersync.PowerSyncDatabase
import com.powersync.connectors.PowerSyncBackendConnector
import com.powersync.connectors.PowerSyncCredentials
import com.powersync.db.schema.Schema
import io.ktor.client.HttpClient
import io.ktor.client.engine.okhttp.OkHttp
import java.nio.file.Files
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.AfterTest
import kotlin.test.BeforeTest
import kotlin.test.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout

/** The connector under PowerSync's own SDK for the JVM; its waits of 5 s take a millisecond. */
class SdkTest {
    private val service = TokenService()
    private val clock = MovedClock()
    private val http = HttpClient(OkHttp)
    private val uncaught = CopyOnWriteArrayList<Throwable>()
    private val before = Thread.getDefaultUncaughtExceptionHandler()
    private val folder = Files.createTempDirectory("powersync-")
    private val scope = CoroutineScope(Dispatchers.Default + SupervisorJob())

    /** What ends an Android app: here it is collected. */
    @BeforeTest
    fun collect() = Thread.setDefaultUncaughtExceptionHandler { _, e -> uncaught += e }

    @AfterTest
    fun close() {
        Thread.setDefaultUncaughtExceptionHandler(before)
        service.close()
        http.close()
        scope.cancel()
        folder.toFile().deleteRecursively()
    }

    private fun connector(credential: suspend (Boolean) -> String? = { "credential" }) = TokenConnector(
        "${service.url}/token", credential = credential, http = http, clock = clock, random = NoJitter,
    ) {}

    /** Lets the SDK try for so many calls of 5 s; gives the last error that it shows the app. */
    private suspend fun tryFor(calls: Int, connector: TokenConnector): String {
        val done = CompletableDeferred<Unit>()
        var made = 0
        val counting = object : PowerSyncBackendConnector() {
            override suspend fun fetchCredentials(): PowerSyncCredentials? {
                if (made++ == calls) {
                    done.complete(Unit)
                    awaitCancellation()
                }
                try {
                    return connector.fetchCredentials()
                } finally {
                    clock.pass(5.seconds)
                }
            }

            override suspend fun uploadData(database: PowerSyncDatabase) = connector.uploadData(database)
        }
        val database = PowerSyncDatabase(
            DatabaseDriverFactory(), Schema(emptyList()), "test.db", scope,
            Logger(StaticConfig(logWriterList = emptyList())), folder.toString(),
        )
        database.connect(counting, retryDelayMs = 1)
        withTimeout(300.seconds) {
            while (!done.isCompleted) {
                uncaught.firstOrNull()?.let { throw AssertionError("crashed", it) }
                delay(10.milliseconds)
            }
        }
        val error = database.currentStatus.asFlow().first { it.downloadError != null }.downloadError
        database.disconnect()
        database.close()
        return error.toString()
    }

    @Test
    fun `refused for an hour, the SDK goes on asking the connector, and nothing crashes`() = runBlocking {
        service.answers = listOf(Answer(401))
        assertContains(tryFor(720, connector()), "Not logged in")
        assertEquals(17, service.requests.size)
        assertEquals(emptyList(), uncaught.toList())
    }

    @Test
    fun `failed for an hour, the app sees why in the status, and nothing crashes`() = runBlocking {
        service.answers = listOf(Answer(500, """{"message": "out of order"}"""))
        assertContains(tryFor(720, connector()), "No PowerSync token: ")
        assertEquals(17, service.requests.size)
        assertEquals(emptyList(), uncaught.toList())
    }

    @Test
    fun `a login that times out does not end the sync`() = runBlocking {
        val connector = connector { withTimeout(1) { awaitCancellation() } }
        assertContains(tryFor(3, connector), "Timed out")
        assertEquals(emptyList(), uncaught.toList())
    }

    /** The control: the SDK does end its sync where a connector lets a time-out through. */
    @Test
    fun `without the connector's care a login that times out ends the sync`() = runBlocking {
        val calls = AtomicInteger()
        val careless = object : PowerSyncBackendConnector() {
            override suspend fun fetchCredentials(): PowerSyncCredentials? {
                calls.incrementAndGet()
                return withTimeout(1) { awaitCancellation() }
            }

            override suspend fun uploadData(database: PowerSyncDatabase) {}
        }
        val database = PowerSyncDatabase(
            DatabaseDriverFactory(), Schema(emptyList()), "test.db", scope,
            Logger(StaticConfig(logWriterList = emptyList())), folder.toString(),
        )
        database.connect(careless, retryDelayMs = 1)
        withTimeout(300.seconds) { while (calls.get() == 0) delay(10.milliseconds) }
        delay(2.seconds)
        assertEquals(1, calls.get())
        database.close()
    }

    @Suppress("DEPRECATION")
    @Test
    fun `a prefetch that fails crashes nothing`() = runBlocking {
        service.answers = listOf(Answer(500))
        connector().prefetchCredentials().join()
        assertEquals(1, service.requests.size)
        assertEquals(emptyList(), uncaught.toList())
    }

    @Suppress("DEPRECATION")
    @Test
    fun `without the connector's care a prefetch that fails crashes`() = runBlocking {
        val careless = object : PowerSyncBackendConnector() {
            override suspend fun fetchCredentials(): PowerSyncCredentials? = error("HTTP 500")

            override suspend fun uploadData(database: PowerSyncDatabase) {}
        }
        careless.prefetchCredentials().join()
        assertEquals(listOf("HTTP 500"), uncaught.map { it.message })
    }
}
