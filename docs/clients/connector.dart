// A complete connector for the PowerSync Dart and Flutter SDKs: copy it, and put in your URLs.
// Needs the packages `powersync` and `http`.
// NOT COMPILED: it was written by the SDK's public source and follows connector.ts.
// README.md beside it says what it does, and when to call `retryNow()` and `connect()`.

import 'dart:convert';
import 'dart:math';

import 'package:http/http.dart' as http;
import 'package:powersync/powersync.dart';

/// Your identity provider's token of the signed-in user; null when nobody is signed in. With
/// [refresh] the one from before was refused: get a new one.
typedef Credential = Future<String?> Function({required bool refresh});

class TokenException implements Exception {
  TokenException(this.message);
  final String message;

  @override
  String toString() => message;
}

class TokenConnector extends PowerSyncBackendConnector {
  TokenConnector({
    this.tokenUrl,
    this.anonymousTokenUrl,
    this.credential,
    this.readDeviceToken,
    this.writeDeviceToken,
    this.onSignedOut,
    required this.upload,
  });

  /// The stack's output `token_url`. Leave it out if there are anonymous users only.
  final Uri? tokenUrl;

  /// The stack's output `anonymous_token_url`. Leave it out if everybody has to sign in.
  final Uri? anonymousTokenUrl;

  final Credential? credential;

  /// Where the device's own token is kept, such as secure storage; null removes it. Give back what
  /// the former connector kept, its anonymous token, until this one has written: it is exchanged.
  final Future<String?> Function()? readDeviceToken;
  final Future<void> Function(String? token)? writeDeviceToken;

  /// Called when the user has to sign in again: once, until a token was given.
  final void Function()? onSignedOut;

  /// Sends the local changes to your backend: see PowerSync's documentation.
  final Future<void> Function(PowerSyncDatabase database) upload;

  static const _timeout = Duration(seconds: 15);
  static const _firstWait = 5;
  static const _longestWait = 300;
  static const _longestOfflineWait = 60; // nobody is burdened by who reaches nobody
  static const _longestRetryAfter = 3600;

  /// Requests without a token since the last one.
  int _failures = 0;

  /// Before then nothing is asked.
  DateTime _notBefore = DateTime.fromMillisecondsSinceEpoch(0);

  /// The credentials that were asked with since the last token.
  final List<String?> _failed = [];

  /// Whether another credential has cut a wait short since the last token.
  bool _cutShort = false;

  /// Whether a 401 was the last word, and the app knows it.
  bool _signedOut = false;

  /// What the SDK calls whenever it needs a token, and every few seconds while it has none, but not
  /// while a call is under way. Null when signed out. It throws when there can be no answer now:
  /// the SDK then calls again.
  @override
  Future<PowerSyncCredentials?> fetchCredentials() async {
    final url = tokenUrl;
    final token = url == null ? null : await credential?.call(refresh: false);
    final anonymousUrl = anonymousTokenUrl;
    if (token == null && anonymousUrl == null) {
      _forgive(); // whoever signs in next does not wait for this one
      return null;
    }
    if (_mustWait(token)) {
      if (_signedOut) return null;
      // Waiting here instead could hold up the SDK's disconnect(), which waits for this call.
      throw TokenException('No PowerSync token: nothing is asked before ${_notBefore.toUtc()}');
    }
    _failed.add(token);
    try {
      final response = url != null && token != null
          ? await _askSignedIn(url, token)
          : await _ask(anonymousUrl!);
      if (token != null && response.statusCode == 401) {
        _wait(_longestWait);
        if (!_signedOut) onSignedOut?.call();
        _signedOut = true;
        return null;
      }
      final body = _read(response);
      final deviceToken = body['deviceToken'] as String?;
      if (token == null && deviceToken != null) await writeDeviceToken?.call(deviceToken);
      _forgive();
      return PowerSyncCredentials(
        endpoint: body['endpoint'] as String,
        token: body['token'] as String,
        userId: body['userId'] as String,
        expiresAt: DateTime.fromMillisecondsSinceEpoch((body['expiresAt'] as int) * 1000),
      );
    } on http.ClientException {
      _wait(_longestOfflineWait);
      rethrow;
    } catch (_) {
      _wait(_longestWait);
      rethrow;
    }
  }

  @override
  Future<void> uploadData(PowerSyncDatabase database) => upload(database);

  /// Ends every wait, and forgets the token that the SDK keeps here. Call it when the user has signed
  /// in or out, and when the network is back; then `connect()` the database again.
  void retryNow() {
    _forgive();
    invalidateCredentials();
  }

  /// Call this once the data of the token's claim `previous_sub` belongs to the signed-in user.
  Future<void> forgetAnonymousUser() async => writeDeviceToken?.call(null);

  void _forgive() {
    _failures = 0;
    _notBefore = DateTime.fromMillisecondsSinceEpoch(0);
    _failed.clear();
    _cutShort = false;
    _signedOut = false;
  }

  /// Another credential may be asked with at once, but not one after the other.
  bool _mustWait(String? token) {
    if (!_isEarly()) return false;
    if (_cutShort || _failed.contains(token)) return true;
    _cutShort = true;
    _failures += 1; // or who gives another one each time would ask more often than the rest
    return false;
  }

  Future<http.Response> _askSignedIn(Uri url, String token) async {
    // After a refusal there is one more request with a fresh credential, but not each time.
    final current = _signedOut ? await credential?.call(refresh: true) ?? token : token;
    final response = await _ask(url, current);
    if (response.statusCode != 401 || _signedOut) return response;
    final fresh = await credential?.call(refresh: true);
    if (fresh == null) return response;
    _failed.add(fresh);
    return _ask(url, fresh);
  }

  Future<http.Response> _ask(Uri url, [String? credential]) async {
    final deviceToken = await readDeviceToken?.call();
    _failures += 1; // until it turns out to be none
    final response = await http.get(url, headers: {
      if (credential != null) 'Authorization': 'Bearer $credential',
      // Keeps an anonymous device the same user; beside a credential, says who it was before.
      if (deviceToken != null) 'X-Anonymous-Token': deviceToken,
    }).timeout(_timeout);
    final retryAfter = int.tryParse(response.headers['retry-after'] ?? '') ?? 0;
    if (retryAfter > 0) _postpone(min(retryAfter, _longestRetryAfter));
    return response;
  }

  Map<String, dynamic> _read(http.Response response) {
    if (response.statusCode != 200) {
      throw TokenException('No PowerSync token: HTTP ${response.statusCode} ${response.body}');
    }
    // The sign-in page of a public Wi-Fi is no JSON, and an exception, too.
    final body = jsonDecode(response.body);
    if (body is Map<String, dynamic> && body['token'] is String) return body;
    throw TokenException('No PowerSync token: HTTP 200 without a token');
  }

  /// Twice as long after each request without a token: 5 s, 10 s, 20 s, …
  void _wait(int longest) {
    final doublings = min(max(_failures - 1, 0), 10);
    _postpone(min(_firstWait << doublings, longest));
  }

  /// Not all clients shall come back at the same moment, so each adds up to half as much again.
  void _postpone(int seconds) {
    final milliseconds = seconds * 1000 * (1 + Random().nextDouble() / 2);
    final until = DateTime.now().add(Duration(milliseconds: milliseconds.round()));
    if (!_isEarly() || until.isAfter(_notBefore)) _notBefore = until;
  }

  /// No wait is longer than the longest: then the clock was put back.
  bool _isEarly() {
    final left = _notBefore.difference(DateTime.now());
    return left > Duration.zero && left <= const Duration(seconds: _longestRetryAfter) * 1.5;
  }
}
