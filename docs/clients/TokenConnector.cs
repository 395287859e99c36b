// A complete connector for PowerSync's .NET SDK: copy it, and put in your URLs.
// NOT COMPILED: it was written by the SDK's public source and follows TokenConnector.kt.
// README.md beside it says what it does, and when to call RetryNow() and Connect().

#nullable enable

using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Net.Http;
using System.Threading;
using System.Threading.Tasks;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;
using PowerSync.Common.Client;
using PowerSync.Common.Client.Connection;

/// <summary>Where the device's own token is kept, such as secure storage; null removes it.</summary>
public interface IDeviceTokenStorage
{
    /// <summary>
    /// Gives back what the former connector kept, its anonymous token, until Write was called.
    /// </summary>
    Task<string?> Read();

    Task Write(string? token);
}

public class TokenException : Exception
{
    public TokenException(string reason, Exception? cause = null)
        : base("No PowerSync token: " + reason, cause) { }
}

public sealed class TokenConnector : IPowerSyncBackendConnector
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(300);
    // Nobody is burdened by who reaches nobody.
    private static readonly TimeSpan LongestOfflineWait = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(3600);

    private static readonly HttpClient Http = new HttpClient
    {
        Timeout = System.Threading.Timeout.InfiniteTimeSpan,
    };
    private readonly Func<IPowerSyncDatabase, Task> upload;
    private readonly SemaphoreSlim oneAtATime = new SemaphoreSlim(1, 1);
    private readonly Random random = new Random();
    private readonly object state = new object(); // guards what follows
    private string? givenFor;
    private PowerSyncCredentials? given; // the last token, for who asked meanwhile
    private int failures; // requests without a token since the last one
    private DateTimeOffset notBefore = DateTimeOffset.MinValue; // before then nothing is asked
    private readonly HashSet<string> failed = new HashSet<string>(); // asked with since the last token
    private bool cutShort; // whether another credential has cut a wait short since the last token
    private bool signedOut; // whether a 401 was the last word, and the app knows it

    /// <param name="upload">
    /// Sends the local changes to your backend: see PowerSync's documentation.
    /// </param>
    public TokenConnector(Func<IPowerSyncDatabase, Task> upload)
    {
        this.upload = upload;
    }

    /// <summary>
    /// The stack's output token_url. Leave it out if there are anonymous users only.
    /// </summary>
    public Uri? TokenUrl { get; set; }

    /// <summary>
    /// The stack's output anonymous_token_url. Leave it out if everybody has to sign in.
    /// </summary>
    public Uri? AnonymousTokenUrl { get; set; }

    /// <summary>
    /// Your identity provider's token of the signed-in user; null when nobody is signed in. With
    /// true the one from before was refused: get a new one.
    /// </summary>
    public Func<bool, Task<string?>> Credential { get; set; } = _ => Task.FromResult<string?>(null);

    /// <summary>Keeps the device's own token: it is the same anonymous user again.</summary>
    public IDeviceTokenStorage? Storage { get; set; }

    /// <summary>Called when the user has to sign in again: once, until a token was given.</summary>
    public Action OnSignedOut { get; set; } = () => { };

    /// <summary>
    /// What the SDK calls whenever it needs a token. Null when signed out. It throws when there can
    /// be no answer now: the SDK then calls again, its earlier versions at once. So a call without
    /// a token takes 5 s, which Disconnect() waits for.
    /// </summary>
    public async Task<PowerSyncCredentials?> FetchCredentials()
    {
        try
        {
            var credentials = await FetchOnce().ConfigureAwait(false);
            if (credentials == null) await Task.Delay(FirstWait).ConfigureAwait(false);
            return credentials;
        }
        catch
        {
            await Task.Delay(FirstWait).ConfigureAwait(false);
            throw;
        }
    }

    public Task UploadData(IPowerSyncDatabase database)
    {
        return upload(database);
    }

    /// <summary>
    /// Ends every wait. Call it when the user has signed in or out, and when the network is back;
    /// then Connect() the database again, or the SDK goes on with the former user's token.
    /// </summary>
    public void RetryNow()
    {
        lock (state)
        {
            failures = 0;
            notBefore = DateTimeOffset.MinValue;
            failed.Clear();
            cutShort = false;
            signedOut = false;
        }
    }

    /// <summary>
    /// Call this once the data of the token's claim previous_sub belongs to the signed-in user.
    /// </summary>
    public Task ForgetAnonymousUser()
    {
        return Storage == null ? Task.CompletedTask : Storage.Write(null);
    }

    private async Task<PowerSyncCredentials?> FetchOnce()
    {
        var token = TokenUrl == null ? null : await Credential(false).ConfigureAwait(false);
        if (token == null && AnonymousTokenUrl == null)
        {
            RetryNow(); // whoever signs in next does not wait for this one
            return null;
        }
        // Asking twice at once would make a new device two anonymous users.
        var before = given;
        await oneAtATime.WaitAsync().ConfigureAwait(false);
        try
        {
            if (given != before && givenFor == token) return given;
            return await Fetch(token).ConfigureAwait(false);
        }
        finally
        {
            oneAtATime.Release();
        }
    }

    private async Task<PowerSyncCredentials?> Fetch(string? token)
    {
        lock (state)
        {
            if (MustWait(token))
            {
                if (signedOut) return null;
                throw new TokenException("nothing is asked before " + notBefore.ToString("u"));
            }
            failed.Add(token ?? "");
        }
        try
        {
            var answer = token != null
                ? await AskSignedIn(token).ConfigureAwait(false)
                : await Ask(AnonymousTokenUrl!, null).ConfigureAwait(false);
            if (token != null && answer.Status == 401)
            {
                Wait(LongestWait);
                var known = signedOut;
                signedOut = true;
                if (!known) OnSignedOut();
                return null;
            }
            var credentials = answer.Credentials();
            var deviceToken = answer.Text("deviceToken");
            if (token == null && deviceToken != null && Storage != null)
            {
                await Storage.Write(deviceToken).ConfigureAwait(false);
            }
            RetryNow();
            givenFor = token;
            given = credentials;
            return credentials;
        }
        catch (HttpRequestException e)
        {
            Wait(LongestOfflineWait);
            throw new TokenException(e.Message, e);
        }
        catch
        {
            Wait(LongestWait);
            throw;
        }
    }

    // Another credential may be asked with at once, but not one after the other.
    private bool MustWait(string? token)
    {
        if (!IsEarly()) return false;
        if (cutShort || failed.Contains(token ?? "")) return true;
        cutShort = true;
        failures += 1; // or who gives another one each time would ask more often than the rest
        return false;
    }

    private async Task<Answer> AskSignedIn(string token)
    {
        // After a refusal there is one more request with a fresh credential, but not each time.
        var knownToBeRefused = signedOut;
        var current = knownToBeRefused
            ? await Credential(true).ConfigureAwait(false) ?? token
            : token;
        var answer = await Ask(TokenUrl!, current).ConfigureAwait(false);
        if (answer.Status != 401 || knownToBeRefused) return answer;
        var fresh = await Credential(true).ConfigureAwait(false);
        if (fresh == null) return answer;
        lock (state) failed.Add(fresh);
        return await Ask(TokenUrl!, fresh).ConfigureAwait(false);
    }

    private async Task<Answer> Ask(Uri url, string? credential)
    {
        var deviceToken = Storage == null ? null : await Storage.Read().ConfigureAwait(false);
        lock (state) failures += 1; // until it turns out to be none
        using (var late = new CancellationTokenSource(Timeout))
        using (var request = new HttpRequestMessage(HttpMethod.Get, url))
        {
            if (credential != null)
            {
                request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + credential);
            }
            // Keeps an anonymous device the same user; beside a credential, says who it was before.
            if (deviceToken != null)
            {
                request.Headers.TryAddWithoutValidation("X-Anonymous-Token", deviceToken);
            }
            try
            {
                // Reads the whole answer.
                using (var response = await Http.SendAsync(request, late.Token).ConfigureAwait(false))
                {
                    RespectRetryAfter(response);
                    var body = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
                    return new Answer((int)response.StatusCode, body);
                }
            }
            catch (OperationCanceledException e)
            {
                throw new TokenException("no answer within " + Timeout.TotalSeconds + " s", e);
            }
        }
    }

    private void RespectRetryAfter(HttpResponseMessage response)
    {
        IEnumerable<string>? values;
        if (!response.Headers.TryGetValues("Retry-After", out values)) return;
        int seconds;
        var isNumber = int.TryParse(
            values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out seconds);
        if (!isNumber || seconds == 0) return;
        var wait = TimeSpan.FromSeconds(seconds);
        Postpone(wait < LongestRetryAfter ? wait : LongestRetryAfter);
    }

    // Twice as long after each request without a token: 5 s, 10 s, 20 s, …
    private void Wait(TimeSpan longest)
    {
        var doublings = Math.Min(Math.Max(failures - 1, 0), 10);
        var wait = TimeSpan.FromTicks(FirstWait.Ticks << doublings);
        Postpone(wait < longest ? wait : longest);
    }

    // Not all clients shall come back at the same moment, so each adds up to half as much again.
    private void Postpone(TimeSpan wait)
    {
        lock (state)
        {
            var jittered = wait.TotalSeconds * (1 + random.NextDouble() / 2);
            var until = DateTimeOffset.UtcNow.AddSeconds(jittered);
            if (!IsEarly() || until > notBefore) notBefore = until;
        }
    }

    // No wait is longer than the longest: then the clock was put back.
    private bool IsEarly()
    {
        var left = notBefore - DateTimeOffset.UtcNow;
        return left > TimeSpan.Zero && left.TotalSeconds <= LongestRetryAfter.TotalSeconds * 1.5;
    }

    private sealed class Answer
    {
        private readonly JObject body;

        public Answer(int status, string text)
        {
            Status = status;
            try
            {
                body = JToken.Parse(text) as JObject ?? new JObject();
            }
            catch (JsonException)
            {
                body = new JObject(); // such as the sign-in page of a public Wi-Fi
            }
        }

        public int Status { get; }

        public string? Text(string name)
        {
            var value = body[name] as JValue;
            return value == null ? null : value.Value as string;
        }

        public PowerSyncCredentials Credentials()
        {
            var endpoint = Text("endpoint");
            var token = Text("token");
            if (Status == 200 && endpoint != null && token != null)
            {
                return new PowerSyncCredentials(endpoint, token);
            }
            var told = Status == 200 ? null : Text("error_description") ?? Text("message");
            throw new TokenException("HTTP " + Status + " " + (told ?? "without a token"));
        }
    }
}
