#!/usr/bin/env bash
# What stands between "sample:" and "end of sample" is shown at /docs, as it is: `make generate` takes it from
# here. TestSamples_curlWorksAsShown runs each, with the address of a server of its own.

# sample: signup
curl https://auth.example.com/_allauth/app/v1/auth/signup \
  -H 'Content-Type: application/json' \
  -d '{"email":"ada@example.com","password":"a long enough password"}'
# 200: meta has access_token and refresh_token. 401: data.flows says what is pending.
# end of sample

# sample: getProfile
curl https://auth.example.com/api/v1/users/profile/ \
  -H "Authorization: Bearer $ACCESS_TOKEN"
# end of sample

# sample: getSession
curl https://auth.example.com/_allauth/app/v1/auth/session \
  -H "Authorization: Bearer $ACCESS_TOKEN"
# end of sample

# sample: refreshToken
curl https://auth.example.com/_allauth/app/v1/auth/token/refresh \
  -H 'Content-Type: application/json' \
  -H "Idempotency-Key: $(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" \
  -d "{\"refresh\":\"$REFRESH_TOKEN\"}"
# No answer: send it again, with the same key and token.
# end of sample

# sample: refreshTokenPair
curl https://auth.example.com/_allauth/app/v1/tokens/refresh \
  -H 'Content-Type: application/json' \
  -d "{\"refresh_token\":\"$REFRESH_TOKEN\"}"
# Also how a new client takes over the token of another one.
# end of sample

# sample: endSession
curl -X DELETE https://auth.example.com/_allauth/app/v1/auth/session \
  -H "Authorization: Bearer $ACCESS_TOKEN"
# 401 is success: signed out.
# end of sample

# sample: login
curl https://auth.example.com/_allauth/app/v1/auth/login \
  -H 'Content-Type: application/json' \
  -d '{"email":"ada@example.com","password":"a long enough password"}'
# 401 with mfa_authenticate in data.flows: keep meta.session_token and ask for a code.
# end of sample

# sample: submitSecondFactor
curl https://auth.example.com/_allauth/app/v1/auth/2fa/authenticate \
  -H 'Content-Type: application/json' \
  -H "X-Session-Token: $SESSION_TOKEN" \
  -d "{\"code\":\"$CODE\"}"
# end of sample

# sample: requestPasswordReset
curl https://auth.example.com/_allauth/app/v1/auth/password/request \
  -H 'Content-Type: application/json' \
  -d '{"email":"ada@example.com"}'
# end of sample

# sample: resetPassword
curl https://auth.example.com/_allauth/app/v1/auth/password/reset \
  -H 'Content-Type: application/json' \
  -d "{\"key\":\"$KEY\",\"password\":\"another horse battery\"}"
# 401 is success: sign in with the new password.
# end of sample
