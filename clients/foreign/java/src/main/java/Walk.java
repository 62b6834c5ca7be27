import allauth.ApiClient;
import allauth.ApiException;
import allauth.api.AuthenticationAccountApi;
import allauth.api.AuthenticationCurrentSessionApi;
import allauth.api.ConfigurationApi;
import allauth.api.SessionsApi;
import allauth.api.TokensApi;
import allauth.model.AllauthAppV1TokensRefreshPost200Response;
import allauth.model.AllauthAppV1TokensRefreshPostRequest;
import allauth.model.AuthenticatedResponse;
import allauth.model.EndSessions;
import allauth.model.ErrorResponse;
import allauth.model.Login;
import allauth.model.Session;
import allauth.model.Signup;
import allauth.model.User;
import com.google.gson.JsonParser;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.UUID;

/**
 * Signs up, reads the session and the list of sessions, refreshes and signs out, with the client that
 * openapi-generator makes of allauth's document. The first check that fails ends the walk.
 */
public class Walk {
  private static final String APP = "app";
  private static final String PASSWORD = "a long enough password";

  private final ApiClient client = new ApiClient();
  private final String email = "foreign-java-" + UUID.randomUUID() + "@example.com";
  private final AuthenticationAccountApi account;
  private final AuthenticationCurrentSessionApi current;
  private final SessionsApi sessions;
  private final TokensApi tokens;

  private int calls;

  private Walk(String baseUrl) {
    client.setBasePath(baseUrl);
    account = new AuthenticationAccountApi(client);
    current = new AuthenticationCurrentSessionApi(client);
    sessions = new SessionsApi(client);
    tokens = new TokensApi(client);
  }

  public static void main(String[] arguments) throws Exception {
    var walk = new Walk(System.getenv("BASE_URL"));
    Object id = walk.play();
    System.out.println("java: " + walk.calls + " calls hold; the user's id is " + id);
  }

  private Object play() throws Exception {
    var config = call("config", () -> new ConfigurationApi(client).allauthClientV1ConfigGet(APP));
    check(config.getData().getAccount() != null, "config: no account settings");

    var signedUp = call("sign-up", () -> account.allauthClientV1AuthSignupPost(APP, new Signup().email(email).password(PASSWORD)));
    User user = signedUp.getData().getUser();
    check(email.equals(user.getEmail()), "sign-up: the address is " + user.getEmail());
    check(user.getUsername() != null, "sign-up: no user name");
    Object id = user.getId().getActualInstance();
    check(id instanceof Integer, "sign-up: the user's id is " + id + ", and not an int");
    String token = signedUp.getMeta().getSessionToken();
    String accessToken = signedUp.getMeta().getAccessToken();
    var refreshToken = (String) signedUp.getMeta().getAdditionalProperty("refresh_token"); // not named by the document
    check(token != null && accessToken != null && refreshToken != null, "sign-up: a token is missing");

    check(id.equals(subject(accessToken)), "sign-up: the user's id " + id + " is not the access token's");

    checkSession("session", id, () -> current.allauthClientV1AuthSessionGet(APP, token));

    ErrorResponse wrong = refusal(call("sign-in with a wrong password", 400, () -> login("not the password")));
    check(wrong.getErrors().get(0).getCode() != null, "sign-in with a wrong password: no code");
    var second = call("sign-in", () -> login(PASSWORD));
    check(second.getData().getMethods().size() == 1, "sign-in: not one method");

    endOthers(token);
    call("session that was ended from another", 410,
        () -> current.allauthClientV1AuthSessionGet(APP, second.getMeta().getSessionToken()));

    var refreshed = call("refresh", () -> refresh(refreshToken)).getData();
    check(refreshed.getAccessToken() != null, "refresh: no access token");
    String last = refreshed.getRefreshToken() == null ? refreshToken : refreshed.getRefreshToken();
    var bearer = bearer(refreshed.getAccessToken());
    checkSession("session by access token", id, () -> bearer.allauthClientV1AuthSessionGet(APP, null));

    call("sign-out", 401, () -> signOut(bearer));
    call("session after sign-out", 401, () -> bearer.allauthClientV1AuthSessionGet(APP, null));
    call("session by session token after sign-out", 410, () -> current.allauthClientV1AuthSessionGet(APP, token));
    refusal(call("refresh after sign-out", 400, () -> refresh(last)));

    return id;
  }

  /** endOthers lists the two sessions, and ends the other one by its id. */
  private void endOthers(String token) throws Exception {
    List<Session> both = call("sessions", () -> sessions.allauthClientV1AuthSessionsGet(APP, token)).getData();
    check(both.size() == 2, "sessions: got " + both.size() + ", want 2");
    List<Integer> others = both.stream().filter(session -> !session.getIsCurrent()).map(Session::getId).toList();
    check(others.size() == 1, "sessions: not exactly one is the current one");

    var left = call("ending a session",
        () -> sessions.allauthClientV1AuthSessionsDelete(APP, new EndSessions().sessions(others), token)).getData();
    check(left.size() == 1 && left.get(0).getIsCurrent(), "ending a session: the other one did not end");
  }

  private AuthenticatedResponse login(String password) throws ApiException {
    return account.allauthClientV1AuthLoginPost(APP, new Login().email(email).password(password));
  }

  private AllauthAppV1TokensRefreshPost200Response refresh(String token) throws ApiException {
    return tokens.allauthAppV1TokensRefreshPost(new AllauthAppV1TokensRefreshPostRequest().refreshToken(token));
  }

  /** bearer is a client of its own, which sends an access token and no session token. */
  private AuthenticationCurrentSessionApi bearer(String accessToken) {
    var client = new ApiClient().setBasePath(this.client.getBasePath());
    client.addDefaultHeader("Authorization", "Bearer " + accessToken);
    return new AuthenticationCurrentSessionApi(client);
  }

  private static Void signOut(AuthenticationCurrentSessionApi api) throws ApiException {
    api.allauthClientV1AuthSessionDelete(APP, null);
    return null;
  }

  private void checkSession(String what, Object id, Call<AuthenticatedResponse> call) throws Exception {
    Object answered = call(what, call).getData().getUser().getId().getActualInstance();
    check(id.equals(answered), what + ": another user: " + answered);
  }

  private interface Call<T> {
    T send() throws ApiException;
  }

  /** call sends a request that must be answered 2xx, with a body that the client's classes can hold. */
  private <T> T call(String what, Call<T> call) {
    calls++;
    try {
      return call.send();
    } catch (ApiException refused) {
      throw new IllegalStateException(what + ": " + refused.getMessage(), refused);
    }
  }

  /** call sends a request that must be refused with this status. */
  private String call(String what, int status, Call<?> call) {
    calls++;
    try {
      call.send();
    } catch (ApiException refused) {
      check(refused.getCode() == status, what + ": got " + refused.getCode() + ", want " + status + ": " + refused.getMessage());
      return refused.getResponseBody();
    }
    throw new IllegalStateException(what + ": was answered, want " + status);
  }

  /** subject is the user's id as an access token names it, which no generated class has read. */
  private static Integer subject(String accessToken) {
    var claims = new String(Base64.getUrlDecoder().decode(accessToken.split("\\.")[1]), StandardCharsets.UTF_8);
    return Integer.valueOf(JsonParser.parseString(claims).getAsJsonObject().get("sub").getAsString());
  }

  private static ErrorResponse refusal(String body) throws Exception {
    return ErrorResponse.fromJson(body);
  }

  private static void check(boolean holds, String what) {
    if (!holds) {
      throw new IllegalStateException(what);
    }
  }
}
