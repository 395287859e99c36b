import com.powersync.PowerSyncException
import com.powersync.connectors.PowerSyncCredentials
import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.Executors
import kotlin.random.Random
import kotlin.time.Clock
import kotlin.time.Duration
import kotlin.time.Instant

const val TOKEN =
    """{"token": "a.b.c", "endpoint": "https://instance.test", "expiresAt": 1800000300, "userId": "alice"}"""

fun tokenOf(name: String, deviceToken: String? = null): String {
    val kept = deviceToken?.let { """, "deviceToken": "$it"""" } ?: ""
    return """{"token": "$name", "endpoint": "https://instance.test"$kept}"""
}

class Answer(val status: Int, val body: String = "{}", val headers: Map<String, String> = emptyMap())

/** Answers with what it is told, one after the other; the last one stays. Null: cuts it off. */
class TokenService : AutoCloseable {
    class Request(val path: String, val credential: String?, val deviceToken: String?)

    var answers: List<Answer?> = emptyList()
    val requests = CopyOnWriteArrayList<Request>()
    private val threads = Executors.newCachedThreadPool()
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
    val url = "http://127.0.0.1:${server.address.port}"
    val credentials get() = requests.map { it.credential }

    init {
        server.executor = threads
        server.createContext("/", ::answer)
        server.start()
    }

    private fun answer(exchange: HttpExchange) {
        val headers = exchange.requestHeaders
        requests += Request(
            exchange.requestURI.path,
            headers.getFirst("Authorization")?.removePrefix("Bearer "),
            headers.getFirst("X-Anonymous-Token"),
        )
        val answer = answers.first()
        if (answers.size > 1) answers = answers.drop(1)
        if (answer != null) {
            answer.headers.forEach { (name, value) -> exchange.responseHeaders.set(name, value) }
            val body = answer.body.toByteArray()
            exchange.sendResponseHeaders(answer.status, body.size.toLong())
            exchange.responseBody.write(body)
        }
        exchange.close()
    }

    override fun close() {
        server.stop(0)
        threads.shutdownNow()
    }
}

class MovedClock : Clock {
    @Volatile private var now = Instant.fromEpochSeconds(1_800_000_000)

    override fun now(): Instant = now

    fun pass(time: Duration) {
        now += time
    }
}

/** The shortest waits: nobody asks more often. */
object NoJitter : Random() {
    override fun nextBits(bitCount: Int): Int = 0
}

/** What the SDK gets: credentials, null, or the message of what was thrown. */
suspend fun TokenConnector.said(): String? =
    try {
        fetchCredentials()?.token
    } catch (e: PowerSyncException) {
        e.message
    }

suspend fun TokenConnector.token(): String = (fetchCredentials() as PowerSyncCredentials).token
