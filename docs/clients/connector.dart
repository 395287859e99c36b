// A complete connector for the PowerSync Dart and Flutter SDKs: copy it, and put in your URLs.
// Needs the packages `powersync` and `http`.

import 'dart:convert';
import 'dart:math';

import 'package:http/http.dart' as http;
import 'package:powersync/powersync.dart';

/// Your identity provider's token of the signed-in user; null when nobody is signed in. With
/// [refresh] the one from before was refused: get a new one. If that is refused, too, nothing is
/// asked for a minute, or until this gives another one.
typedef Credential = Future<String?> Function({required bool refresh});

class TokenException implements Exception {
  TokenException(this.message);
  final String message;

  @override
  String toString() => message;
}

/// Connect with a new one when somebody signs in: the SDK keeps the last token in the old one.
class TokenConnector extends PowerSyncBackendConnector {
  TokenConnector({
    this.tokenUrl,
    this.anonymousTokenUrl,
    this.credential,
    this.readAnonymousToken,
    this.writeAnonymousToken,
    this.onSignedOut,
    required this.upload,
  });

  /// The stack's output `token_url`. Leave it out if there are anonymous users only.
  final Uri? tokenUrl;

  /// The stack's output `anonymous_token_url`. Leave it out if everybody has to sign in.
  final Uri? anonymousTokenUrl;

  final Credential? credential;

  /// Where a device's anonymous token is kept, such as secure storage; null removes it.
  final Future<String?> Function()? readAnonymousToken;
  final Future<void> Function(String? token)? writeAnonymousToken;

  /// Called when the user has to sign in again: once, until another credential is there.
  final void Function()? onSignedOut;

  /// Sends the local changes to your backend: see PowerSync's documentation.
  final Future<void> Function(PowerSyncDatabase database) upload;

  static const _timeout = Duration(seconds: 15);
  static const _defaultRetryAfter = 5;
  static const _longestWait = 60;
  static const _refusalLasts = Duration(seconds: 60);

  /// The credentials that the last 401 was about.
  List<String?> _refused = const [];

  /// From then on they are asked with once more: a refusal can pass.
  DateTime _askAgainAt = DateTime.fromMillisecondsSinceEpoch(0);

  /// Before then the token service asked not to be asked.
  DateTime _notBefore = DateTime.fromMillisecondsSinceEpoch(0);

  /// What the SDK calls whenever it needs a token, and every few seconds while it has none, but not
  /// while a call is under way. Null when signed out. It throws when there can be no answer now:
  /// the SDK then calls again.
  @override
  Future<PowerSyncCredentials?> fetchCredentials() async {
    final url = tokenUrl;
    final token = url == null ? null : await credential?.call(refresh: false);
    if (url == null || token == null) {
      final anonymousUrl = anonymousTokenUrl;
      return anonymousUrl == null ? null : await _fetchAnonymously(anonymousUrl);
    }
    final knownAsRefused = _refused.contains(token);
    if (knownAsRefused && DateTime.now().isBefore(_askAgainAt)) return null;
    if (!knownAsRefused) _refused = const [];

    var response = await _ask(url, token);
    if (response.statusCode == 401) {
      // Once more with a fresh credential; asking again and again with a refused one helps nobody.
      final fresh = await credential?.call(refresh: true);
      if (fresh != null) response = await _ask(url, fresh);
      if (fresh == null || response.statusCode == 401) {
        _refused = [token, fresh];
        _askAgainAt = DateTime.now().add(_refusalLasts);
        if (!knownAsRefused) onSignedOut?.call();
        return null;
      }
    }
    final credentials = _read(response);
    _refused = const [];
    return credentials;
  }

  @override
  Future<void> uploadData(PowerSyncDatabase database) => upload(database);

  /// Call this once the data of the token's claim `previous_sub` belongs to the signed-in user.
  Future<void> forgetAnonymousUser() async => writeAnonymousToken?.call(null);

  Future<PowerSyncCredentials> _fetchAnonymously(Uri url) async {
    final credentials = _read(await _ask(url));
    await writeAnonymousToken?.call(credentials.token);
    return credentials;
  }

  Future<http.Response> _ask(Uri url, [String? credential]) async {
    // Waiting here instead could hold up the SDK's disconnect(), which waits for this call.
    if (DateTime.now().isBefore(_notBefore)) {
      throw TokenException('No PowerSync token: asked to wait until ${_notBefore.toUtc()}');
    }
    final anonymousToken = await readAnonymousToken?.call();
    return http.get(url, headers: {
      if (credential != null) 'Authorization': 'Bearer $credential',
      // Keeps an anonymous device the same user; beside a credential, says who it was before.
      if (anonymousToken != null) 'X-Anonymous-Token': anonymousToken,
    }).timeout(_timeout);
  }

  PowerSyncCredentials _read(http.Response response) {
    if (response.statusCode != 200) {
      if (response.statusCode == 429 || response.statusCode == 503) {
        _wait(int.tryParse(response.headers['retry-after'] ?? '') ?? _defaultRetryAfter);
      }
      throw TokenException('No PowerSync token: HTTP ${response.statusCode} ${response.body}');
    }
    final body = jsonDecode(response.body) as Map<String, dynamic>;
    return PowerSyncCredentials(
      endpoint: body['endpoint'] as String,
      token: body['token'] as String,
      userId: body['userId'] as String,
      expiresAt: DateTime.fromMillisecondsSinceEpoch((body['expiresAt'] as int) * 1000),
    );
  }

  /// Not all clients shall come back at the same moment, so each adds up to half as much again.
  void _wait(int seconds) {
    final milliseconds = min(seconds, _longestWait) * 1000 * (1 + Random().nextDouble() / 2);
    _notBefore = DateTime.now().add(Duration(milliseconds: milliseconds.round()));
  }
}
